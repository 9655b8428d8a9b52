// The part of the compiler's syntax tree that the transform reads. Declared here, because the compiler's own types come
// with the globals of AssemblyScript.

/** Numbers of `NodeKind` in the compiler; a test compares them. */
export const NodeKind = {
  NamedType: 1,
  Identifier: 7,
  Call: 10,
  False: 14,
  Literal: 17,
  New: 18,
  Null: 19,
  PropertyAccess: 22,
  True: 26,
  UnaryPrefix: 29,
  Export: 36,
  ExportDefault: 37,
  Expression: 39,
  Import: 43,
  ClassDeclaration: 52,
  FieldDeclaration: 55,
  MethodDeclaration: 59,
  NamespaceDeclaration: 60,
} as const;

/** Numbers of `LiteralKind`. */
export const LiteralKind = { Float: 0, Integer: 1, String: 2, Array: 5 } as const;

/** Numbers of `SourceKind`. */
export const SourceKind = { User: 0, UserEntry: 1 } as const;

/** Bits of `CommonFlags`. */
export const Flag = { Static: 1 << 5, Private: 1 << 9, Protected: 1 << 10 } as const;

/** `DiagnosticCategory.Error`. */
export const ERROR = 3;

/** `DiagnosticCode.User_defined_0`: a message of its own. */
export const USER_DEFINED = 102;

export interface Range {
  readonly start: number;
  readonly end: number;
  readonly source: Source;
  readonly atStart: Range;
  /** The text it spans. */
  toString(): string;
}

export interface Node {
  readonly kind: number;
  range: Range;
}

export interface Source {
  readonly sourceKind: number;
  /** `assembly/plugin.ts`, or `~lib/…` for what comes from a package. */
  readonly normalizedPath: string;
  /** The same without `.ts`. */
  readonly internalPath: string;
  readonly text: string;
  readonly statements: Node[];
  readonly range: Range;
}

export interface Identifier extends Node {
  readonly text: string;
}

/** `Name`, or `space.Name`: an identifier and what follows it. */
export interface TypeName extends Node {
  readonly identifier: Identifier;
  readonly next: TypeName | null;
}

export interface NamedType extends Node {
  readonly isNullable: boolean;
  readonly name: TypeName;
  readonly typeArguments: readonly Node[] | null;
}

export interface Decorator extends Node {
  readonly name: Node;
  readonly args: readonly Node[] | null;
}

export interface Declaration extends Node {
  readonly name: Identifier;
  readonly decorators: readonly Decorator[] | null;
  readonly flags: number;
}

export interface FieldDeclaration extends Declaration {
  readonly type: Node | null;
  initializer: Node | null;
}

export interface MethodDeclaration extends Declaration {
  readonly signature: { readonly parameters: readonly Node[] };
  readonly body: { readonly statements: readonly Node[] } | null;
}

export interface ClassDeclaration extends Declaration {
  readonly typeParameters: readonly Node[] | null;
  readonly extendsType: NamedType | null;
  readonly members: Declaration[];
}

export interface NamespaceDeclaration extends Declaration {
  readonly members: readonly Node[];
}

/** `export default class …`. */
export interface ExportDefaultStatement extends Node {
  readonly declaration: Declaration;
}

export interface ImportStatement extends Node {
  readonly declarations: readonly { readonly name: Identifier; readonly foreignName: Identifier }[] | null;
  /** Of `import * as name`. */
  readonly namespaceName: Identifier | null;
  readonly internalPath: string;
}

export interface ExportStatement extends Node {
  readonly members: readonly { readonly localName: Identifier; readonly exportedName: Identifier }[] | null;
  readonly internalPath: string | null;
}

export interface Literal extends Node {
  readonly literalKind: number;
  /** Of a text. */
  readonly value: unknown;
  /** Of a list. */
  readonly elementExpressions?: readonly Node[];
}

export interface CallLike extends Node {
  readonly expression: Node;
  readonly typeName: { readonly identifier: Identifier };
  readonly args: readonly Node[];
}

/** Where the transform reports what is wrong, in the compiler's own format. */
export interface Diagnostics {
  /** What has been reported. */
  readonly diagnostics: readonly { readonly category: number }[];
  error(code: number, range: Range | null, message: string): void;
}

export interface Parser extends Diagnostics {
  readonly sources: Source[];
  parseFile(text: string, path: string, isEntry: boolean): void;
}

/** A declared name, after the compiler has linked all files. */
export interface Element {
  readonly name: string;
  readonly internalName: string;
  readonly declaration: Declaration;
  /** Of a namespace: what stands in it; of a class: what is static. */
  readonly members: ReadonlyMap<string, Element> | null;
}

export interface ClassPrototype extends Element {
  readonly declaration: ClassDeclaration;
  readonly basePrototype: ClassPrototype | null;
  readonly instanceMembers: ReadonlyMap<string, Element> | null;
}

export interface File {
  readonly source: Source;
  readonly members: ReadonlyMap<string, Element> | null;
  lookup(name: string): Element | null;
  lookupExport(name: string): Element | null;
  ensureExport(name: string, element: Element): void;
}

export interface Program extends Diagnostics {
  readonly parser: Parser;
  readonly filesByName: ReadonlyMap<string, File>;
}

/** The one thing asked of binaryen. */
export interface BinaryenModule {
  addCustomSection(name: string, contents: Uint8Array): void;
}
