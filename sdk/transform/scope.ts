import {
  type ClassDeclaration,
  type Decorator,
  type ExportDefaultStatement,
  type ExportStatement,
  type ImportStatement,
  type NamedType,
  type NamespaceDeclaration,
  type Node,
  NodeKind,
  type Parser,
  type Source,
} from './ast.ts';

/** Where the SDK's own files are, as the compiler names them. */
export const SDK_PATH = '~lib/@sluice/plugin-sdk';

/** A class and the file that declares it. */
export interface FoundClass {
  readonly declaration: ClassDeclaration;
  readonly source: Source;
}

/** Its name without the `@`, which the compiler counts in. */
export function nameOfDecorator({ name }: Decorator): string {
  return name.range.toString().replace('@', '');
}

/** True for a class that stands behind `@config`. */
export function isConfigClass({ decorators }: ClassDeclaration): boolean {
  return decorators?.some((decorator) => nameOfDecorator(decorator) === 'config') === true;
}

/** What a statement declares: its own node, but for `export default`. */
export function declaredBy(statement: Node): Node {
  return statement.kind === NodeKind.ExportDefault ? (statement as ExportDefaultStatement).declaration : statement;
}

function isClass(node: Node): node is ClassDeclaration {
  return node.kind === NodeKind.ClassDeclaration;
}

/** Finds the classes that names stand for, across the files of a program that has been parsed but not linked yet. */
export class Scope {
  readonly #sources: readonly Source[];

  constructor(parser: Parser) {
    this.#sources = parser.sources;
  }

  /** Classes at the top level of all files but those of the SDK and of the compiler's library. */
  *classes(): Generator<FoundClass> {
    for (const source of this.#sources) {
      if (!isAuthored(source)) continue;
      for (const declaration of source.statements.map(declaredBy).filter(isClass)) yield { declaration, source };
    }
  }

  /** Classes in the namespaces of the same files. */
  classesInNamespaces(): readonly ClassDeclaration[] {
    return this.#sources.filter(isAuthored).flatMap(({ statements }) => statements.flatMap(classesWithin));
  }

  /** The class a type stands for where it is written; null for basic types and what is not found. */
  classOf(type: NamedType, source: Source): FoundClass | null {
    const { identifier, next } = type.name;
    if (!next) return this.#named(identifier.text, source, new Set());
    return next.next ? null : this.#qualified(identifier.text, next.identifier.text, source);
  }

  /** True when the class is the one of this name in the SDK. */
  isOfSdk(found: FoundClass | null, name: string): boolean {
    return found?.source.internalPath.startsWith(`${SDK_PATH}/`) === true && found.declaration.name.text === name;
  }

  /** `space.Name`, where the space is `import * as space`. */
  #qualified(space: string, name: string, source: Source): FoundClass | null {
    for (const statement of source.statements) {
      if (statement.kind !== NodeKind.Import) continue;
      const { namespaceName, internalPath } = statement as ImportStatement;
      if (namespaceName?.text === space) return this.#exported(name, internalPath, new Set());
    }
    return null;
  }

  #named(name: string, source: Source, seen: Set<Source>): FoundClass | null {
    for (const statement of source.statements) {
      const declaration = declaredBy(statement);
      if (isClass(declaration)) {
        if (declaration.name.text === name) return { declaration, source };
      } else if (statement.kind === NodeKind.Import) {
        const { declarations, internalPath } = statement as ImportStatement;
        const imported = declarations?.find((each) => each.name.text === name);
        if (imported) return this.#exported(imported.foreignName.text, internalPath, seen);
      }
    }
    return null;
  }

  #exported(name: string, path: string, seen: Set<Source>): FoundClass | null {
    const source = this.#sources.find(({ internalPath: its }) => its === path || its === `${path}/index`);
    if (!source || seen.has(source)) return null;
    seen.add(source);
    for (const statement of source.statements) {
      const declaration = declaredBy(statement);
      if (name === 'default' && declaration !== statement && isClass(declaration)) return { declaration, source };
      if (statement.kind !== NodeKind.Export) continue;
      const { members, internalPath } = statement as ExportStatement;
      const from = internalPath?.replace(/\.ts$/, '') ?? null;
      const member = members?.find(({ exportedName }) => exportedName.text === name);
      if (members && !member) continue;
      const local = member ? member.localName.text : name;
      const found = from === null ? this.#named(local, source, new Set()) : this.#exported(local, from, seen);
      if (found) return found;
    }
    return this.#named(name, source, seen);
  }
}

function classesWithin(statement: Node): readonly ClassDeclaration[] {
  if (statement.kind !== NodeKind.NamespaceDeclaration) return [];
  const { members } = statement as NamespaceDeclaration;
  return [...members.filter(isClass), ...members.flatMap(classesWithin)];
}

/** Folders of the compiler's library; its other files stand directly in `~lib/`, and packages in folders of their own. */
const NOT_AUTHORED = [`${SDK_PATH}/`, '~lib/rt/', '~lib/util/', '~lib/bindings/', '~lib/shared/'];

/** Written by an author of plugins, or of a package for them. */
export function isAuthored({ internalPath }: Source): boolean {
  if (!internalPath.startsWith('~lib/')) return true;
  return internalPath.includes('/', '~lib/'.length) && !NOT_AUTHORED.some((folder) => internalPath.startsWith(folder));
}
