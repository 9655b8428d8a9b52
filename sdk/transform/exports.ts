import { ALWAYS_EXPORTED, CALLBACKS, type Phase } from '../callbacks.ts';
import type { ClassPrototype, Element, File, Program } from './ast.ts';
import { isAuthored, SDK_PATH } from './scope.ts';

/** File of the SDK that defines all callbacks. */
export const EXPORTS_PATH = `${SDK_PATH}/assembly/exports`;

/** What a plugin overrides, and what follows from it. */
export interface Overrides {
  /** Names of the exports that the module needs. */
  readonly exports: readonly string[];
  readonly phases: readonly Phase[];
}

/** Classes that plugins are made of, by their names in the SDK. */
export class PluginClasses {
  readonly #own: readonly ClassPrototype[];

  constructor(program: Program) {
    const files = [...program.filesByName.values()].filter(({ source }) => isAuthored(source));
    const elements = files.flatMap(elementsIn);
    this.#own = [...new Set(elements)]
      .filter(isClass)
      .filter(({ declaration }) => isAuthored(declaration.range.source));
  }

  /** Those of the plugin. */
  all(): readonly ClassPrototype[] {
    return this.#own;
  }

  /** Those of the plugin that extend a class of the SDK, directly or through others. */
  extending(name: string): readonly ClassPrototype[] {
    return this.#own.filter((each) => chainOf(each).some((base) => isOfSdk(base, name)));
  }

  /** The same without those that extend others of the plugin. */
  extendingDirectly(name: string): readonly ClassPrototype[] {
    return this.#own.filter(({ basePrototype }) => basePrototype && isOfSdk(basePrototype, name));
  }

  overrides(): Overrides {
    const needed = CALLBACKS.filter(({ methods }) => methods.some((method) => this.isOverridden(method)));
    return {
      exports: [...ALWAYS_EXPORTED, ...needed.map((callback) => callback.export)],
      phases: needed.flatMap(({ phase }) => (phase === undefined ? [] : [phase])),
    };
  }

  /** @param classAndMethod `Plugin.onTick` */
  isOverridden(classAndMethod: string): boolean {
    const [className = '', method = ''] = classAndMethod.split('.');
    return this.extending(className).some((each) => {
      return chainOf(each).some((base) => this.#own.includes(base) && base.instanceMembers?.has(method));
    });
  }
}

/** What stands in a file or a namespace, and in the namespaces there. */
function elementsIn({ members }: Pick<Element, 'members'>): readonly Element[] {
  const elements = [...(members?.values() ?? [])];
  return elements.flatMap((element) => (isClass(element) ? [element] : elementsIn(element)));
}

/** A class and those that it extends. */
export function chainOf(prototype: ClassPrototype): readonly ClassPrototype[] {
  const chain: ClassPrototype[] = [];
  for (let at: ClassPrototype | null = prototype; at && !chain.includes(at); at = at.basePrototype) chain.push(at);
  return chain;
}

function isClass(element: Element): element is ClassPrototype {
  return 'basePrototype' in element;
}

/** True for the class of this name in the SDK. */
export function isOfSdk({ name, declaration }: ClassPrototype, wanted: string): boolean {
  return name === wanted && declaration.range.source.internalPath.startsWith(`${SDK_PATH}/`);
}

/** Adds the exports to the module. */
export function addExports(entry: File, names: readonly string[], program: Program): void {
  const file = program.filesByName.get(EXPORTS_PATH);
  for (const name of names) {
    const element = file?.lookupExport(name) ?? file?.members?.get(name);
    if (!element) throw new Error(`the SDK has no ${name}: ${EXPORTS_PATH} does not fit ${import.meta.url}`);
    if (!entry.lookupExport(name)) entry.ensureExport(name, element);
  }
}
