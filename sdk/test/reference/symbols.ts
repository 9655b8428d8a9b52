import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Doc, NO_DOC, readDoc } from './doc.ts';

export type MemberKind = 'constructor' | 'method' | 'getter' | 'field' | 'value' | 'function';

/** Something that stands in a class, an enum or a namespace. */
export interface Member {
  readonly name: string;
  readonly kind: MemberKind;
  /** Its declaration, without a body. */
  readonly signature: string;
  readonly doc: Doc;
}

/** Something that a file declares at its top level. */
export interface Declaration {
  readonly name: string;
  readonly kind: 'class' | 'enum' | 'namespace' | 'function';
  readonly signature: string;
  readonly doc: Doc;
  /** In their order, without private and internal ones. */
  readonly members: readonly Member[];
  /** The class that it extends, and its file; null: none. */
  readonly base: { readonly name: string; readonly file: string } | null;
}

const DECLARATION = /^export (?:abstract )?(class|enum|namespace|function) (\w+)/;
const MEMBERS: readonly (readonly [MemberKind, RegExp])[] = [
  ['constructor', /^ {2}(constructor)\(/],
  ['getter', /^ {2}(?:protected |static )*get (\w+)\(/],
  ['function', /^ {2}export function (\w+)/],
  ['method', /^ {2}(?:protected |static |abstract )*(\w+)(?:<\w+>)?\(/],
  ['value', /^ {2}(\w+)(?: = \d+)?,$/],
  ['field', /^ {2}(?:protected |static |readonly )*(\w+)(?::| =)/],
];
/** A parameter of a constructor that is a field at once, on a line of its own. */
const PARAMETER_FIELD = /^ {4}(?:readonly|public) (\w+): .*,$/;

/** Reads what an AssemblyScript file exports. It must be formatted: members are indented by two spaces. */
export function readDeclarations(file: string): readonly Declaration[] {
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n');
  const found: Declaration[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, kind, name] = DECLARATION.exec(lines[at]!) ?? [];
    if (name === undefined) continue;
    const signature = signatureAt(lines, at);
    found.push({
      name,
      kind: kind as Declaration['kind'],
      signature: kind === 'function' ? signature : signature.replace(/^export /, ''),
      doc: docBefore(lines, at),
      members: kind === 'function' ? [] : membersFrom(lines, at + 1),
      base: baseOf(signature, text, file),
    });
  }
  return found.map((each) => ({ ...each, signature: each.signature.replace(/^export /, '') }));
}

function membersFrom(lines: readonly string[], from: number): readonly Member[] {
  const members: Member[] = [];
  for (let at = from; at < lines.length && lines[at] !== '}'; at++) {
    const line = lines[at]!;
    const field = PARAMETER_FIELD.exec(line)?.[1];
    if (field !== undefined && lines[at - 1]!.trim().startsWith('/**')) members.push(parameterField(lines, at, field));
    const [kind, pattern] = MEMBERS.find(([, each]) => each.test(line)) ?? [];
    if (kind === undefined || /^ {2}private /.test(line)) continue;
    const name = pattern!.exec(line)![1]!;
    members.push({ name, kind, signature: signatureAt(lines, at), doc: docBefore(lines, at) });
  }
  return members.filter(({ doc }) => !doc.internal);
}

function parameterField(lines: readonly string[], at: number, name: string): Member {
  return {
    name,
    kind: 'field',
    signature: lines[at]!.trim()
      .replace(/,$/, '')
      .replace(/^public /, ''),
    doc: docBefore(lines, at),
  };
}

/** The doc comment that ends right before a line, decorators and directives for other tools left out. */
function docBefore(lines: readonly string[], at: number): Doc {
  let end = at - 1;
  while (end >= 0 && /^\s*(@\w+$|\/\/ @ts-ignore)/.test(lines[end]!)) end--;
  if (end < 0 || !lines[end]!.endsWith('*/')) return NO_DOC;
  let start = end;
  while (start > 0 && !lines[start]!.trim().startsWith('/**')) start--;
  return readDoc(lines.slice(start, end + 1).join('\n'));
}

/** From its first line to the brace or semicolon that ends it. */
function signatureAt(lines: readonly string[], at: number): string {
  let end = at;
  while (end < at + 12 && !/[{;,}]$/.test(lines[end]!.replace(/\/\/.*/, '').trimEnd())) end++;
  // A list of parameters ends its lines with commas, too.
  if (lines[at]!.endsWith('(')) while (!/^\s*\)/.test(lines[end]!)) end++;
  const all = lines.slice(at, end + 1).map((line) => line.trim());
  return all
    .filter((line) => !line.startsWith('/**'))
    .join(' ')
    .replace(/ ?\{ ?\}?$|[;,]$/, '')
    .replace(/\( /, '(')
    .replace(/,? \)/, ')');
}

function baseOf(signature: string, text: string, file: string): Declaration['base'] {
  const [, name] = / extends (\w+)/.exec(signature) ?? [];
  if (name === undefined) return null;
  const [, from] = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from '([^']+)'`).exec(text) ?? [];
  return { name, file: from === undefined ? file : join(dirname(file), `${from}.ts`) };
}

/** What authors of plugins can import, as `index.ts` lists it. */
export interface PublicSymbol extends Declaration {
  /** The comment in `index.ts` that it stands under. */
  readonly group: string;
  /** Members of its own and of classes that it extends and authors cannot import. */
  readonly allMembers: readonly Member[];
  /** Public classes that it extends, nearest first. */
  readonly bases: readonly string[];
}

/** Reads everything that the package exports, group by group, in the order of `index.ts`. */
export function readSymbols(index: string): readonly PublicSymbol[] {
  const exported: { readonly name: string; readonly file: string; readonly group: string }[] = [];
  let group = '';
  for (const line of readFileSync(index, 'utf8').split('\n')) {
    group = /^\/\/ (.*)/.exec(line)?.[1] ?? group;
    const [, names = '', from = ''] = /^export \{ (.*) \} from '(.*)';/.exec(line) ?? [];
    const file = join(dirname(index), `${from}.ts`);
    for (const name of names.split(', ').filter(Boolean)) exported.push({ name, file, group });
  }
  const known = new Set(exported.map(({ name }) => name));
  return exported.map((each) => ({ ...inherit(find(each.file, each.name), known), group: each.group }));
}

function find(file: string, name: string): Declaration {
  const found = readDeclarations(file).find((each) => each.name === name);
  if (found === undefined) throw new Error(`${file} does not declare ${name} in a form that can be read`);
  return found;
}

function inherit(declaration: Declaration, known: ReadonlySet<string>): Omit<PublicSymbol, 'group'> {
  const members = [...declaration.members];
  const bases: string[] = [];
  for (let base = declaration.base; base !== null; ) {
    const each = find(base.file, base.name);
    if (known.has(base.name)) bases.push(base.name);
    else
      members.push(
        ...each.members.filter(({ name, kind }) => kind !== 'constructor' && !members.some((own) => own.name === name)),
      );
    base = each.base;
  }
  return { ...declaration, allMembers: members, bases };
}
