import { createHash } from 'node:crypto';
import { type ModuleOptions, type PreparedModule, prepareModule } from '../../wasm/module.ts';
import { compileAside } from '../module-compiler.ts';

/** How a module is to be compiled. */
export type CompileOptions = Pick<ModuleOptions, 'name' | 'memory' | 'startFuel'>;

/** Lower-case hexadecimal SHA-256. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Compiled modules of one process. The same bytes with the same bounds, which are written into the code, are compiled
 * once, however many plugins of the catalogue are made of them; what no plugin holds any more is forgotten.
 */
export class ModuleLibrary {
  readonly #known = new Map<string, WeakRef<PreparedModule>>();
  readonly #underWay = new Map<string, Promise<PreparedModule>>();
  #aside: Promise<unknown> = Promise.resolve();
  /** Modules compiled since the start. */
  compiled = 0;

  /**
   * @param aside one after the other and, if they are large, on another thread, because this one has other things to do
   * @throws GatewayError SLUICE_PLUGIN_INVALID
   */
  async prepare(bytes: Uint8Array, options: CompileOptions, aside: boolean): Promise<PreparedModule> {
    const key = `${digestOf(bytes)} ${options.memory} ${options.startFuel}`;
    const known = this.#known.get(key)?.deref() ?? (await this.#underWay.get(key)?.catch(() => undefined));
    if (known !== undefined) return known;
    const work = this.#compile(bytes, options, aside);
    this.#underWay.set(key, work);
    try {
      const module = await work;
      this.#remember(key, module);
      return module;
    } finally {
      if (this.#underWay.get(key) === work) this.#underWay.delete(key);
    }
  }

  #compile(bytes: Uint8Array, options: CompileOptions, aside: boolean): Promise<PreparedModule> {
    this.compiled++;
    if (!aside) return prepareModule(bytes, options);
    const work = this.#aside.then(() => compileAside(bytes, options));
    this.#aside = work.catch(() => {});
    return work;
  }

  #remember(key: string, module: PreparedModule): void {
    for (const [other, held] of this.#known) if (held.deref() === undefined) this.#known.delete(other);
    this.#known.set(key, new WeakRef(module));
  }
}
