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
  /** Most linear memory of one tenant, in bytes; default: no bound. */
  readonly memoryOf?: (tenant: string) => number;
}

/** What one tenant has of the room. */
class TenantRoom {
  /** Plugins with a VM, each with its last use when it was looked at last. */
  readonly plugins = new Map<Plugin, number>();
  /** Linear memory of all its VMs, those included that finish their exchanges. */
  bytes = 0;

  get empty(): boolean {
    return this.plugins.size === 0 && this.bytes === 0;
  }
}

/**
 * Room for the plugin VMs of one worker. A plugin beyond what its tenant or the worker may have takes the place of the
 * idle one that was used longest ago, as exactly as a short look at thousands can tell; one that nobody uses for
 * LIMITS.pluginIdleMs is ended. A VM that grows beyond the memory of its tenant ends those of the tenant that are idle,
 * and itself if that is not enough. Plugins of the gateway's own chain count for the worker only.
 */
export class WorkerRoom implements VmRoom, Expirable {
  readonly #wheel: TimerWheel;
  readonly #options: WorkerRoomOptions;
  readonly #tenants = new Map<string, TenantRoom>();
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

  admit(plugin: Plugin): boolean {
    const { most, mostOf } = this.#options;
    const { tenant, version } = plugin;
    const own = this.#tenants.get(tenant) ?? new TenantRoom();
    if (tenant !== '') {
      if (own.plugins.size >= mostOf(tenant) && !evict(oldestIdle(own.plugins.keys(), plugin))) return false;
      if (!this.#fits(own, plugin, version?.module.initialMemory ?? 0)) return false;
    }
    return this.count < most || evict(this.#longestUnused());
  }

  onVm(plugin: Plugin, has: boolean): void {
    const own = this.#roomOf(plugin.tenant);
    this.#order.delete(plugin);
    if (has) this.#order.set(plugin, plugin.lastUse);
    if (has) own.plugins.set(plugin, NEVER_LOOKED);
    else own.plugins.delete(plugin);
    if (own.empty) this.#tenants.delete(plugin.tenant);
    if (has) this.#timer ??= this.#wheel.schedule(this, LIMITS.pluginIdleMs);
    else if (this.count === 0) this.#rest();
  }

  onMemory(plugin: Plugin, bytes: number): boolean {
    const own = this.#roomOf(plugin.tenant);
    own.bytes += bytes;
    if (own.empty) this.#tenants.delete(plugin.tenant);
    return bytes <= 0 || plugin.tenant === '' || this.#fits(own, plugin, 0);
  }

  #roomOf(tenant: string): TenantRoom {
    let own = this.#tenants.get(tenant);
    if (own === undefined) this.#tenants.set(tenant, (own = new TenantRoom()));
    return own;
  }

  /** Whether so many more bytes are within the tenant's memory, once what is idle besides `plugin` has been ended. */
  #fits(own: TenantRoom, plugin: Plugin, more: number): boolean {
    const { memoryOf } = this.#options;
    const most = memoryOf === undefined ? Number.POSITIVE_INFINITY : memoryOf(plugin.tenant);
    while (own.bytes + more > most) if (!evict(oldestIdle(own.plugins.keys(), plugin))) return false;
    return true;
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
    const own = this.#tenants.get(plugin.tenant)?.plugins;
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
    for (const { plugins } of this.#tenants.values()) yield* plugins.keys();
    return undefined;
  }

  #rest(): void {
    this.#wheel.cancel(this.#timer);
    this.#timer = null;
    this.#look = null;
  }
}

function oldestIdle(plugins: Iterable<Plugin>, except: Plugin): Plugin | null {
  let oldest: Plugin | null = null;
  for (const plugin of plugins) if (plugin !== except && plugin.idle) oldest = older(oldest, plugin);
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
