import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { Plugin, VmRoom } from '../wasm/plugin.ts';

/** Place of a last use while a VM has not been looked at. */
const NEVER_LOOKED = -1;

/** VMs looked at in one turn of the wheel, or for the one that makes room: some tenths of a millisecond. */
const LOOKS = 200;

export interface WorkerRoomOptions {
  /** Most VMs at once. */
  readonly most: number;
  /** Most of one tenant. */
  readonly mostOf: (tenant: string) => number;
}

/**
 * Room for the plugin VMs of one worker. A plugin beyond what its tenant or the worker may have takes the place of the
 * idle one that was used longest ago, as exactly as a short look at thousands can tell; one that nobody uses for
 * LIMITS.pluginIdleMs is ended. Plugins of the gateway's own chain count for the worker only.
 */
export class WorkerRoom implements VmRoom, Expirable {
  readonly #wheel: TimerWheel;
  readonly #options: WorkerRoomOptions;
  /** Plugins with a VM by tenant, each with its last use when it was looked at last. */
  readonly #tenants = new Map<string, Map<Plugin, number>>();
  /** All plugins with a VM, each with its last use when it came to its place; about the longest unused first. */
  readonly #order = new Map<Plugin, number>();
  #timer: WheelTimer | null = null;
  /** What is left of the look that is under way. */
  #look: Iterator<Plugin, undefined> | null = null;

  constructor(wheel: TimerWheel, options: WorkerRoomOptions) {
    this.#wheel = wheel;
    this.#options = options;
  }

  /** Plugins that have a VM. */
  get count(): number {
    return this.#order.size;
  }

  admit({ tenant }: Plugin): boolean {
    const { most, mostOf } = this.#options;
    const own = this.#tenants.get(tenant) ?? new Map<Plugin, number>();
    if (tenant !== '' && own.size >= mostOf(tenant)) return evict(oldestIdle(own.keys()));
    return this.count < most || evict(this.#longestUnused());
  }

  onVm(plugin: Plugin, has: boolean): void {
    const { tenant } = plugin;
    const own = this.#tenants.get(tenant) ?? new Map<Plugin, number>();
    this.#order.delete(plugin);
    if (has) this.#order.set(plugin, plugin.lastUse);
    if (has) own.set(plugin, NEVER_LOOKED);
    else own.delete(plugin);
    if (own.size === 0) this.#tenants.delete(tenant);
    else this.#tenants.set(tenant, own);
    if (has) this.#timer ??= this.#wheel.schedule(this, LIMITS.pluginIdleMs);
    else if (this.count === 0) this.#rest();
  }

  onTimeout(): void {
    this.#timer = null;
    const look = this.#look ?? this.#all();
    let over = false;
    for (let looks = 0; looks < LOOKS && !over; looks++) {
      const { done, value } = look.next();
      over = done === true;
      if (value !== undefined) this.#lookAt(value);
    }
    this.#look = over ? null : look;
    if (this.count > 0) this.#timer ??= this.#wheel.schedule(this, over ? LIMITS.pluginIdleMs : 0);
    else this.#rest();
  }

  #lookAt(plugin: Plugin): void {
    const own = this.#tenants.get(plugin.tenant);
    if (own?.get(plugin) === plugin.lastUse) plugin.evict();
    else own?.set(plugin, plugin.lastUse);
  }

  /** The idle one that was used longest ago, or nearly so. */
  #longestUnused(): Plugin | null {
    let oldest: Plugin | null = null;
    let looks = 0;
    for (const [plugin, use] of this.#order.entries().take(this.count)) {
      if (plugin.idle) oldest = older(oldest, plugin);
      if (plugin.idle && plugin.lastUse === use) break;
      // Used since it came to its place, which is behind the others then.
      this.#order.delete(plugin);
      this.#order.set(plugin, plugin.lastUse);
      if (++looks >= LOOKS && oldest !== null) break;
    }
    return oldest;
  }

  *#all(): Generator<Plugin, undefined> {
    for (const own of this.#tenants.values()) yield* own.keys();
    return undefined;
  }

  #rest(): void {
    this.#wheel.cancel(this.#timer);
    this.#timer = null;
    this.#look = null;
  }
}

function oldestIdle(plugins: Iterable<Plugin>): Plugin | null {
  let oldest: Plugin | null = null;
  for (const plugin of plugins) if (plugin.idle) oldest = older(oldest, plugin);
  return oldest;
}

function older(a: Plugin | null, b: Plugin): Plugin {
  return a !== null && a.lastUse <= b.lastUse ? a : b;
}

/** False: there is none to be ended. */
function evict(plugin: Plugin | null): boolean {
  plugin?.evict();
  return plugin !== null;
}
