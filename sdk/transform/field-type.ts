import { type NamedType, type Node, NodeKind, type Range, type Source } from './ast.ts';
import { AuthorError } from './author-error.ts';
import { type FoundClass, isConfigClass, type Scope } from './scope.ts';

/** What the type of a setting means for reading and describing it. */
export interface FieldType {
  readonly kind: 'text' | 'bool' | 'integer' | 'float' | 'texts' | 'pairs' | 'object' | 'objects' | 'json';
  /** As written, without `| null`: `i32`, `KeyEntry`; of a list of objects the name of their class. */
  readonly name: string;
  readonly nullable: boolean;
  /** A text kept as an ArrayBuffer. */
  readonly bytes: boolean;
  /** Of an integer: what fits. */
  readonly least: number;
  readonly most: number;
  /** Of objects: their class. */
  readonly of: FoundClass | null;
  readonly range: Range;
}

const SAFE = Number.MAX_SAFE_INTEGER;

/** JSON holds integers exactly up to 2^53 - 1, so 64 bits are not used to the full. */
const INTEGERS: Readonly<Record<string, readonly [number, number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i64: [-SAFE, SAFE],
  u64: [0, SAFE],
};

const SUPPORTED =
  'string, ArrayBuffer, bool, i32, u32, i64, u64, f64, string[], TextPair[], JsonValue, @config classes and lists of them';

/**
 * Reads the type of a setting.
 * @throws AuthorError for one that cannot be read from JSON
 */
export function fieldTypeOf(node: Node, source: Source, scope: Scope): FieldType {
  const refused = new AuthorError(node.range, `${node.range.toString()} cannot be a setting; supported: ${SUPPORTED}`);
  if (node.kind !== NodeKind.NamedType) throw refused;
  const type = node as NamedType;
  const name = nameOf(type);
  const made = { name, nullable: type.isNullable, bytes: false, least: 0, most: 0, of: null, range: node.range };
  const basic = basicType(name, made);
  const found =
    basic ?? (name === 'Array' ? listType(type, source, scope, made) : namedType(type, source, scope, made));
  if (!found) throw refused;
  if (found.nullable && !['text', 'object', 'json'].includes(found.kind)) {
    throw new AuthorError(node.range, 'null is for string, ArrayBuffer, JsonValue and @config classes');
  }
  return found;
}

/** `Name`, or `space.Name`. */
function nameOf({ name: { identifier, next } }: NamedType): string {
  return next ? `${identifier.text}.${next.identifier.text}` : identifier.text;
}

type Made = Omit<FieldType, 'kind'>;

function basicType(name: string, made: Made): FieldType | null {
  if (name === 'string') return { ...made, kind: 'text' };
  if (name === 'ArrayBuffer') return { ...made, kind: 'text', bytes: true };
  if (name === 'bool' || name === 'boolean') return { ...made, kind: 'bool' };
  if (name === 'f64') return { ...made, kind: 'float' };
  const range = INTEGERS[name];
  return range ? { ...made, kind: 'integer', least: range[0], most: range[1] } : null;
}

function namedType(type: NamedType, source: Source, scope: Scope, made: Made): FieldType | null {
  const found = scope.classOf(type, source);
  if (scope.isOfSdk(found, 'JsonValue')) return { ...made, kind: 'json' };
  return found && isConfigClass(found.declaration) ? { ...made, kind: 'object', of: found } : null;
}

function listType(type: NamedType, source: Source, scope: Scope, made: Made): FieldType | null {
  const [entry] = (type.typeArguments ?? []) as readonly NamedType[];
  if (entry?.kind !== NodeKind.NamedType || entry.isNullable) return null;
  const name = nameOf(entry);
  if (name === 'string') return { ...made, kind: 'texts' };
  const found = scope.classOf(entry, source);
  if (scope.isOfSdk(found, 'TextPair')) return { ...made, kind: 'pairs' };
  return found && isConfigClass(found.declaration) ? { ...made, name, kind: 'objects', of: found } : null;
}
