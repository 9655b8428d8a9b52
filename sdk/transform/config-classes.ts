import type { ClassDeclaration, NamedType, Parser, Range } from './ast.ts';
import { AuthorError } from './author-error.ts';
import { type Attempt, type ConfigClass, type Field, readConfigClass } from './config-class.ts';
import { type FoundClass, isConfigClass, Scope } from './scope.ts';

/** The configuration classes of a plugin, and which of them its plugin classes are configured by. */
export class ConfigClasses {
  readonly #scope: Scope;
  readonly #attempt: Attempt;
  readonly #read = new Map<ClassDeclaration, ConfigClass>();
  /** Plugin classes whose configuration is known. */
  readonly #configured = new Set<ClassDeclaration>();

  /** @param attempt catches what an author has to mend */
  constructor(parser: Parser, attempt: Attempt) {
    this.#scope = new Scope(parser);
    this.#attempt = attempt;
  }

  /** Every class with `@config`, those that others hold first. */
  all(): readonly ConfigClass[] {
    for (const found of this.#scope.classes()) if (isConfigClass(found.declaration)) this.#readWithInner(found, []);
    for (const declaration of this.#scope.classesInNamespaces()) {
      if (!isConfigClass(declaration)) continue;
      const { range } = declaration.name;
      this.#attempt(() => failAt(range, 'a @config class stands at the top level of a file, in no namespace'));
    }
    return [...this.#read.values()];
  }

  /** The class of a setting's objects. */
  readonly inner = (field: Field): ConfigClass => this.#read.get(field.type.of!.declaration)!;

  /** The class that each `ConfiguredPlugin<C>` names, once. After `all`. */
  roots(): readonly ConfigClass[] {
    const roots = new Set<ConfigClass>();
    for (const { declaration, source } of this.#scope.classes()) {
      const base = declaration.extendsType;
      if (!base || !this.#scope.isOfSdk(this.#scope.classOf(base, source), 'ConfiguredPlugin')) continue;
      const [type] = (base.typeArguments ?? []) as readonly NamedType[];
      const found = type ? this.#scope.classOf(type, source) : null;
      const config = found && this.#read.get(found.declaration);
      this.#configured.add(declaration);
      if (config) roots.add(config);
      else
        this.#attempt(() => failAt((type ?? base).range, 'name a class with @config here: ConfiguredPlugin<MyConfig>'));
    }
    return [...roots];
  }

  /** True for a class that `roots` has seen. The names it is made of may be such as only the compiler can follow. */
  knows(plugin: ClassDeclaration): boolean {
    return this.#configured.has(plugin);
  }

  #readWithInner(found: FoundClass, outer: readonly FoundClass[]): void {
    if (this.#read.has(found.declaration)) return;
    const config = readConfigClass(found, this.#scope, this.#attempt);
    const path = [...outer, found];
    for (const { type } of config.fields) {
      if (!type.of) continue;
      if (!path.some(({ declaration }) => declaration === type.of?.declaration)) this.#readWithInner(type.of, path);
      else this.#attempt(() => failAt(type.range, 'a configuration cannot hold itself'));
    }
    this.#read.set(found.declaration, config);
  }
}

function failAt(range: Range, message: string): never {
  throw new AuthorError(range, message);
}
