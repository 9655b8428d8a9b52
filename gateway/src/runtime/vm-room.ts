import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { Plugin, VmRoom } from '../wasm/plugin.ts';

/** Place of a last use while a VM has not been looked at. */
const NEVER_LOOKED = -1;

/** VMs looked at in one turn of the wheel; ending one takes some microseconds. */
const LOOKS = 200;

export interface WorkerRoomOptions {
  /** Most VMs at once. */
  readonly most: number;
  /** Most of one tenant. */
  readonly mostOf: (tenant: string) => number;
}

/**
 * Room for the plugin VMs of one worker. A plugin beyond what its tenant or the worker may have takes the place of the
 * idle one that was used longest ago; one that nobody uses for LIMITS.pluginIdleMs is ended. Plugins of the gateway's
 * own chain count for the worker only.
 */
export class WorkerRoom implements VmRoom, Expirable {
  readonly #wheel: TimerWheel;
  readonly #options: WorkerRoomOptions;
  /** Plugins with a VM by tenant, each with its last use when it was looked at last. */
  readonly #tenants = new Map<string, Map<Plugin, number>>();
  #count = 0;
  #timer: WheelTimer | null = null;
  /** What is left of the look that is under way. */
  #look: Iterator<Plugin, undefined> | null = null;

  constructor(wheel: TimerWheel, options: WorkerRoomOptions) {
    this.#wheel = wheel;
    this.#options = options;
  }

  /** Plugins that have a VM. */
  get count(): number {
    return this.#count;
  }

  admit({ tenant }: Plugin): boolean {
    const { most, mostOf } = this.#options;
    const own = this.#tenants.get(tenant)?.keys() ?? [].values();
    const owned = this.#tenants.get(tenant)?.size ?? 0;
    if (tenant !== '' && owned >= mostOf(tenant)) return evictOldest(own);
    return this.#count < most || evictOldest(this.#all());
  }

  onVm(plugin: Plugin, has: boolean): void {
    const { tenant } = plugin;
    const own = this.#tenants.get(tenant) ?? new Map<Plugin, number>();
    this.#count += has ? 1 : -1;
    if (has) own.set(plugin, NEVER_LOOKED);
    else own.delete(plugin);
    if (own.size === 0) this.#tenants.delete(tenant);
    else this.#tenants.set(tenant, own);
    if (has) this.#timer ??= this.#wheel.schedule(this, LIMITS.pluginIdleMs);
    else if (this.#count === 0) this.#rest();
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
    if (this.#count > 0) this.#timer ??= this.#wheel.schedule(this, over ? LIMITS.pluginIdleMs : 0);
    else this.#rest();
  }

  #lookAt(plugin: Plugin): void {
    const own = this.#tenants.get(plugin.tenant);
    if (own?.get(plugin) === plugin.lastUse) plugin.evict();
    else own?.set(plugin, plugin.lastUse);
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

/** Ends the idle VM whose last use is longest ago; false when none is idle. */
function evictOldest(plugins: Iterable<Plugin>): boolean {
  let oldest: Plugin | null = null;
  for (const plugin of plugins) {
    if (plugin.idle && (oldest === null || plugin.lastUse < oldest.lastUse)) oldest = plugin;
  }
  oldest?.evict();
  return oldest !== null;
}
