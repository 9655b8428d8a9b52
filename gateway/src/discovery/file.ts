import { readFile, stat } from 'node:fs/promises';
import { type FileService, readServicesFile } from '../config/parse-services.ts';
import type { EndpointRecord, EndpointsState, ServiceRef } from '../core/endpoint.ts';
import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import type { Cancel, Clock } from './clock.ts';
import { SubscriptionHub } from './hub.ts';
import { canonical } from './records.ts';
import type { EndpointListener, EndpointSource, SourceStatus, Subscription } from './source.ts';
import { watchFile } from './watch.ts';

export interface FileSourceOptions {
  /** Name of the registry in gateway.yaml. */
  readonly registry: string;
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Services of a watched file. While the file is missing or broken, the last good content stays, as `stale`. */
export class FileSource implements EndpointSource {
  readonly #options: FileSourceOptions;
  readonly #hub: SubscriptionHub;
  readonly #unwatch: Cancel;
  #services: ReadonlyMap<string, FileService> | null = null;
  /** What was read last, good or bad: the same again is no news. */
  #text: string | null = null;
  #lastError = '';
  #since: number;
  #loading = false;
  #loadAgain = false;
  #closed = false;

  constructor(options: FileSourceOptions) {
    const { clock, log, path } = options;
    this.#options = options;
    this.#since = clock.now();
    this.#hub = new SubscriptionHub({ log, clock, opened: (ref) => this.#publish(ref), closed: () => {} });
    this.#unwatch = watchFile(path, clock, () => void this.#load());
    void this.#load();
  }

  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    return this.#hub.subscribe(ref, listener);
  }

  status(): SourceStatus {
    return {
      registry: this.#options.registry,
      type: 'file',
      connected: this.#services !== null && this.#lastError === '',
      server: this.#options.path,
      since: this.#since,
      lastError: this.#lastError,
      services: this.#hub.statuses(),
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#hub.close();
    return Promise.resolve();
  }

  /** Reads the file; never rejects. A change while it is read leads to one more turn. */
  async #load(): Promise<void> {
    this.#loadAgain = true;
    if (this.#loading) return;
    this.#loading = true;
    while (this.#loadAgain && !this.#closed) {
      this.#loadAgain = false;
      try {
        const text = await this.#read();
        if (!this.#closed && text !== this.#text) this.#take(text);
      } catch (error) {
        this.#text = null;
        if (!this.#closed) this.#fail(error);
      }
    }
    this.#loading = false;
  }

  async #read(): Promise<string> {
    const { path } = this.#options;
    const { size } = await stat(path);
    if (size > LIMITS.configFileBytes) {
      throw new GatewayError('SLUICE_CONFIG_INVALID', `${path} is larger than ${LIMITS.configFileBytes} bytes`);
    }
    return readFile(path, 'utf8');
  }

  #take(text: string): void {
    this.#text = text;
    try {
      this.#services = ordered(readServicesFile(this.#options.path, text));
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#mark('');
    this.#options.log.info({ registry: this.#options.registry, services: this.#services.size }, 'services file read');
    for (const ref of this.#hub.refs()) this.#publish(ref);
  }

  #fail(error: unknown): void {
    const { registry, log } = this.#options;
    const reason = error instanceof GatewayError ? error.detail : String(error);
    // The poll would repeat it every few seconds.
    if (reason === this.#lastError) return;
    this.#mark(reason);
    log.error({ registry, reason }, 'services file cannot be used; endpoints stay as last known');
    for (const ref of this.#hub.refs()) this.#publish(ref);
  }

  #mark(lastError: string): void {
    if ((lastError === '') !== (this.#lastError === '')) this.#since = this.#options.clock.now();
    this.#lastError = lastError;
  }

  #publish(ref: ServiceRef): void {
    if (this.#services === null) return;
    const state: EndpointsState = this.#lastError === '' ? 'fresh' : 'stale';
    this.#hub.publish(ref, this.#endpoints(this.#services, ref), state);
  }

  #endpoints(services: ReadonlyMap<string, FileService>, ref: ServiceRef): readonly EndpointRecord[] {
    const service = services.get(ref.name);
    if (service === undefined) return [];
    if (service.namespace !== undefined && service.namespace !== ref.namespace) return [];
    if (service.group !== undefined && service.group !== ref.group) return [];
    return service.endpoints;
  }
}

function ordered(services: ReadonlyMap<string, FileService>): ReadonlyMap<string, FileService> {
  return new Map(
    Array.from(services, ([name, service]): [string, FileService] => [
      name,
      { ...service, endpoints: canonical(service.endpoints) },
    ]),
  );
}
