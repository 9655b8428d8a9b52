import type { BodyBudgets } from '../core/body-budget.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import type { TimerWheel } from '../core/wheel.ts';
import type { Lane } from '../routing/lanes.ts';
import type { CalloutHandle, RedisCalls, RedisHandler, RedisRequest, RedisTarget } from '../wasm/host.ts';
import { type CalloutTarget, calloutTarget, laneOf } from './callout-target.ts';
import { RedisCommand } from './redis-command.ts';
import { loadRedis, RedisConnection } from './redis-connection.ts';
import type { Snapshot } from './snapshot.ts';

export interface ServiceRedisParts {
  readonly wheel: TimerWheel;
  /** What plugins may hold of bodies; commands count as such until they are answered. */
  readonly bodies: BodyBudgets;
  /** What is in force at the moment of a command. */
  readonly snapshot: () => Snapshot;
  readonly log: Log;
  /** Certificates to trust; default: those of Node. */
  readonly ca?: string;
}

/** One line about failed connections for each such time. */
const LOG_MS = 10_000;

/** Connections of one tenant by service, lane, database and user; the one used longest ago first. */
type Connections = Map<string, RedisConnection>;

/** Redis for the plugins of one worker, over the endpoints of their tenants' services. */
export class ServiceRedis implements RedisCalls {
  readonly #parts: ServiceRedisParts;
  /** By the tenant whose plugins use them. */
  readonly #tenants = new Map<string, Connections>();
  #loggedAt = -LOG_MS;

  constructor(parts: ServiceRedisParts) {
    this.#parts = parts;
  }

  /** Connections that are open, or being opened. */
  get size(): number {
    let size = 0;
    for (const connections of this.#tenants.values()) size += connections.size;
    return size;
  }

  prepare({ service, caller }: RedisTarget): boolean {
    if (calloutTarget(this.#parts.snapshot(), service, caller) === null) return false;
    // Until the first command it will be there.
    loadRedis().catch((error: unknown) => this.#warn({ service }, String(error)));
    return true;
  }

  send(request: RedisRequest, handler: RedisHandler): CalloutHandle | null {
    const { snapshot, wheel, bodies } = this.#parts;
    const { caller, service } = request.target;
    const place = calloutTarget(snapshot(), service, caller);
    if (place === null) return null;
    const command = new RedisCommand(request, handler, wheel, bodies.of(caller.tenant));
    if (command.held) this.#dispatch(command, request, place);
    else command.failSoon('overloaded');
    return command;
  }

  #dispatch(command: RedisCommand, { target, origin }: RedisRequest, place: CalloutTarget): void {
    const lane = laneOf(origin, place.tenant);
    const { db, username, password, caller } = target;
    const connections = this.#tenants.get(caller.tenant) ?? new Map<string, RedisConnection>();
    const key = JSON.stringify([place.cluster.key, lane?.tag ?? '', db, username, password]);
    const known = connections.get(key);
    // Those used last stand behind; what is under way on one that is not usable any more goes on.
    connections.delete(key);
    if (known?.usable === true) {
      connections.set(key, known);
      if (!known.send(command)) command.failSoon('overloaded');
      return;
    }
    const connection = this.#connect(target, place, lane, connections, key, command);
    if (connection === null) return;
    connections.set(key, connection);
    this.#tenants.set(caller.tenant, connections);
    connection.send(command);
  }

  /** null: there can be none, and the command fails. */
  #connect(
    target: RedisTarget,
    { tenant, service, cluster }: CalloutTarget,
    lane: Lane | null,
    connections: Connections,
    key: string,
    command: RedisCommand,
  ): RedisConnection | null {
    if (connections.size >= LIMITS.pluginRedisConnections && !closeIdle(connections)) {
      command.failSoon('overloaded');
      return null;
    }
    const endpoint = cluster.pick(lane?.tag ?? '', lane !== null && lane.fallback === 'baseline', null);
    if (endpoint === null) {
      command.failSoon('no-endpoint');
      return null;
    }
    const serverName = tenant.serviceNames.dnsNameOf(service) || endpoint.record.address;
    const onGone = (gone: RedisConnection, reason: string): void => {
      if (connections.get(key) === gone) connections.delete(key);
      // One that finished what it had may go when the tenant's others are new, and counted elsewhere.
      const last = connections.size === 0 && this.#tenants.get(target.caller.tenant) === connections;
      if (last) this.#tenants.delete(target.caller.tenant);
      if (reason !== '') this.#warn({ tenant: tenant.name, service, endpoint: endpoint.address }, reason);
    };
    const { wheel, ca } = this.#parts;
    return new RedisConnection({ endpoint, target, serverName, ca, wheel, onGone });
  }

  #warn(fields: Readonly<Record<string, string>>, reason: string): void {
    const now = performance.now();
    if (now - this.#loggedAt < LOG_MS) return;
    this.#loggedAt = now;
    this.#parts.log.warn({ ...fields, reason: reason.slice(0, 200) }, 'connection of a plugin to Redis failed');
  }
}

/** Makes room by closing the idle one that was used longest ago; false: none is idle. */
function closeIdle(connections: Connections): boolean {
  for (const connection of connections.values()) {
    if (!connection.idle) continue;
    connection.close();
    return true;
  }
  return false;
}
