import type { ClassDeclaration, FieldDeclaration, MethodDeclaration, Node, Parser, Range, Source } from './ast.ts';
import type { ConfigClass } from './config-class.ts';
import { isWithoutInitial, readerSource } from './reader.ts';
import type { ConfigClassOf } from './schema.ts';

/**
 * Gives a configuration class its reader: code that is generated as text, parsed, and moved into the author's class. What
 * the compiler has to say about it points to the field it was made for.
 */
export function addReader(config: ConfigClass, inner: ConfigClassOf, parser: Parser): void {
  const { declaration, source } = config.found;
  const { statements } = parse(readerSource(config, inner), `${source.internalPath}.${config.name}.reader.ts`, parser);
  const [imports, reader] = statements as [Node, ClassDeclaration];
  moveTo(declaration.name.range, imports);
  source.statements.unshift(imports);
  const [method, ...initials] = reader.members;
  const read = method as MethodDeclaration;
  moveTo(declaration.name.range, read);
  read.body?.statements.forEach((block, i) =>
    moveTo(config.fields[i]?.declaration.range ?? declaration.name.range, block),
  );
  declaration.members.push(read);
  for (const [i, { declaration: field }] of config.fields.filter(isWithoutInitial).entries()) {
    const { initializer } = initials[i] as FieldDeclaration;
    moveTo(field.range, initializer!);
    field.initializer = initializer;
  }
}

/** Has the compiler read a file that the program otherwise would not. */
export function importInto(entry: Source, path: string, parser: Parser): void {
  const { statements } = parse(`import '${path}';`, `${entry.internalPath}.imports.ts`, parser);
  const [statement] = statements;
  moveTo(entry.range, statement!);
  entry.statements.push(statement!);
}

/** Parses a text, and leaves nothing of it in the program but what is moved elsewhere. */
function parse(text: string, path: string, parser: Parser): Source {
  parser.parseFile(text, path, false);
  return parser.sources.pop()!;
}

/** Nodes have no parents, but they share nothing either: a walk over their properties meets each once. */
function moveTo(range: Range, node: Node): void {
  node.range = range;
  for (const [key, value] of Object.entries(node)) {
    if (key === 'range') continue;
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(each)) moveTo(range, each);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'kind' in value && 'range' in value;
}
