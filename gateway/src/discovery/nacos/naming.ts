import type { EndpointRecord, EndpointsState, ServiceRef } from '../../core/endpoint.ts';
import type { Log } from '../../core/log.ts';
import { type Cancel, type Clock, jitter } from '../clock.ts';
import type { NacosConnection } from './connection.ts';
import type { NacosLogin } from './login.ts';
import {
  groupedName,
  isJson,
  type Json,
  NACOS_CODE,
  NacosError,
  readServiceInfo,
  reasonOf,
  type ServiceInfo,
} from './messages.ts';
import type { NacosServer } from './servers.ts';
import { NacosService } from './service.ts';
import { NacosSession } from './session.ts';

/** Requests in flight while all services are subscribed again; a restarted server has many clients to serve. */
const CONCURRENCY = 16;
/** Each service is asked for every 30 to 60 s, in case a push was lost. */
const VERIFY_MS = 45_000;
const VERIFY_SPREAD = 1 / 3;
const RETRY_MS = 500;
const RETRY_MAX_MS = 10_000;

export interface NamingOptions {
  readonly servers: readonly NacosServer[];
  readonly namespace: string;
  /** Null: the server asks for no login. */
  readonly login: NacosLogin | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly publish: (ref: ServiceRef, endpoints: readonly EndpointRecord[], state: EndpointsState) => void;
}

interface Watch {
  readonly key: string;
  readonly service: NacosService;
  /** Subscribed on the serving connection. */
  subscribed: boolean;
  failures: number;
  /** The next retry or verification. */
  cancel: Cancel;
}

/** All subscribed services of one namespace, over one connection. */
export class NacosNaming {
  readonly #options: NamingOptions;
  readonly #session: NacosSession;
  readonly #watches = new Map<string, Watch>();
  /** Waiting to be asked for; insertion order is their order. */
  readonly #due = new Set<Watch>();
  /** Being unsubscribed. Servers work on requests in any order: subscribing again must wait, or it could be undone. */
  readonly #leaving = new Map<string, Promise<void>>();
  #inFlight = 0;

  constructor(options: NamingOptions) {
    this.#options = options;
    const { servers, namespace, clock, log } = options;
    this.#session = new NacosSession({
      servers,
      namespace,
      clock,
      log,
      up: () => this.#connected(),
      down: () => this.#disconnected(),
      pushed: (type, body) => this.#pushed(type, body),
    });
  }

  get session(): NacosSession {
    return this.#session;
  }

  /** Number of services watched. */
  get size(): number {
    return this.#watches.size;
  }

  /** Begins to watch a service. */
  add(ref: ServiceRef): void {
    const { clock, log, publish } = this.#options;
    const key = groupedName(ref.group, ref.name);
    const service = new NacosService({ ref, clock, log, publish });
    const watch: Watch = { key, service, subscribed: false, failures: 0, cancel: () => {} };
    this.#watches.set(key, watch);
    this.#enqueue(watch);
  }

  /** Stops watching it; the server is told so if it can be. */
  remove(ref: ServiceRef): void {
    const key = groupedName(ref.group, ref.name);
    const watch = this.#watches.get(key);
    if (watch === undefined) return;
    this.#watches.delete(key);
    this.#stop(watch);
    const connection = this.#session.connection;
    if (connection !== null && watch.subscribed) this.#unsubscribe(connection, watch);
  }

  /** What the registry says about a service besides its list. */
  detail(ref: ServiceRef): { protectThreshold: boolean; lastError: string } | undefined {
    return this.#watches.get(groupedName(ref.group, ref.name))?.service;
  }

  close(): void {
    for (const watch of this.#watches.values()) this.#stop(watch);
    this.#watches.clear();
    this.#session.close();
  }

  #stop(watch: Watch): void {
    watch.cancel();
    watch.service.close();
    this.#due.delete(watch);
  }

  #connected(): void {
    for (const watch of this.#watches.values()) {
      watch.cancel();
      watch.subscribed = false;
      watch.failures = 0;
      watch.service.connected();
      this.#due.add(watch);
    }
    this.#pump();
  }

  #disconnected(): void {
    this.#due.clear();
    for (const watch of this.#watches.values()) {
      watch.cancel();
      watch.service.disconnected();
    }
  }

  #enqueue(watch: Watch): void {
    this.#due.add(watch);
    this.#pump();
  }

  #pump(): void {
    const connection = this.#session.connection;
    if (connection === null) return;
    for (const watch of this.#due) {
      if (this.#inFlight >= CONCURRENCY) return;
      this.#due.delete(watch);
      this.#inFlight++;
      void this.#refresh(connection, watch).finally(() => {
        this.#inFlight--;
        this.#pump();
      });
    }
  }

  /** Subscribes, or verifies what is subscribed already, and plans the next time. Never rejects. */
  async #refresh(connection: NacosConnection, watch: Watch): Promise<void> {
    const { clock, log } = this.#options;
    const isCurrent = (): boolean => connection === this.#session.connection && this.#watches.get(watch.key) === watch;
    try {
      await this.#leaving.get(watch.key);
      if (!isCurrent()) return;
      const info = await this.#ask(connection, watch, true);
      if (!this.#watches.has(watch.key)) this.#unsubscribe(connection, watch);
      if (!isCurrent()) return;
      watch.subscribed = true;
      watch.failures = 0;
      watch.service.accept(info);
      watch.cancel = clock.after(jitter(clock, VERIFY_MS, VERIFY_SPREAD), () => this.#enqueue(watch));
    } catch (error) {
      if (!isCurrent()) return;
      const delay = Math.min(RETRY_MS * 2 ** watch.failures, RETRY_MAX_MS);
      const level = watch.failures++ === 0 ? 'warn' : 'debug';
      watch.service.lastError = reasonOf(error);
      log[level](
        { service: watch.service.ref.name, reason: reasonOf(error) },
        'nacos: cannot read a service; trying on',
      );
      watch.cancel = clock.after(jitter(clock, delay, 0.3), () => this.#enqueue(watch));
    }
  }

  #unsubscribe(connection: NacosConnection, watch: Watch): void {
    const left = this.#ask(connection, watch, false)
      .catch((error: unknown) => {
        this.#options.log.debug({ service: watch.key, reason: reasonOf(error) }, 'nacos: cannot unsubscribe');
      })
      .then(() => {
        if (this.#leaving.get(watch.key) === left) this.#leaving.delete(watch.key);
      });
    this.#leaving.set(watch.key, left);
  }

  /** Subscribes (or, when it is, queries) with `wanted`, unsubscribes without. */
  async #ask(connection: NacosConnection, watch: Watch, wanted: boolean): Promise<ServiceInfo> {
    const { namespace, group, name } = watch.service.ref;
    const service = { namespace, groupName: group, serviceName: name };
    // A subscription is kept per service and connection; all clusters, or a second one would replace the first.
    const answer =
      watch.subscribed && wanted
        ? await this.#request(connection, 'ServiceQueryRequest', {
            ...service,
            cluster: '',
            healthyOnly: false,
            udpPort: 0,
          })
        : await this.#request(connection, 'SubscribeServiceRequest', { ...service, clusters: '', subscribe: wanted });
    return readServiceInfo(answer['serviceInfo']);
  }

  async #request(connection: NacosConnection, type: string, body: Json): Promise<Json> {
    const { login } = this.#options;
    if (login === null) return connection.request(type, body, {});
    const accessToken = await login.token();
    try {
      return await connection.request(type, body, { accessToken });
    } catch (error) {
      const code = error instanceof NacosError ? error.nacosCode : 0;
      if (code !== NACOS_CODE.forbidden && code !== NACOS_CODE.unauthenticated) throw error;
      return connection.request(type, body, { accessToken: await login.renew(accessToken) });
    }
  }

  #pushed(type: string, body: Json): void {
    if (type !== 'NotifySubscriberRequest') return;
    try {
      const info = readServiceInfo(body['serviceInfo']);
      this.#watches.get(groupedName(info.group, info.name))?.service.accept(info);
    } catch (error) {
      const info = body['serviceInfo'];
      const service = isJson(info) ? info['name'] : undefined;
      this.#options.log.warn({ service, reason: reasonOf(error) }, 'nacos: a push cannot be used; endpoints stay');
    }
  }
}
