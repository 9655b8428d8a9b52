import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { LIMITS } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Cancel, Clock } from '../clock.ts';
import { decodePayload, encodePayload, type Payload } from './codec.ts';
import { isJson, type Json, NACOS_CODE, NacosError, numberOf, reasonOf, textOf } from './messages.ts';

/** Silence after which the server is asked whether it lives; it drops clients that are silent for 20 s. */
const IDLE_MS = 5_000;
/** Time for a health check or server check. */
const PROBE_TIMEOUT_MS = 3_000;
/** Unanswered health checks until the connection counts as dead: 5 s + 3 × 3 s after the last sign of life. */
const PROBES = 3;
/** Time for any other request; a list of 10 MiB needs 8 s at 10 Mbit/s. */
const REQUEST_TIMEOUT_MS = 10_000;
const SETUP_ACK_TIMEOUT_MS = 5_000;
/** Servers before 2.3 do not confirm the setup; this long they take at most to store it. */
const UNCONFIRMED_SETUP_MS = 100;
const CLIENT_VERSION = 'Nacos-NodeGateway-Client:v1.0.0';

const GRPC_OPTIONS = {
  // Otherwise two clients of one address share a transport, and the server takes them for one connection.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': LIMITS.nacosMessageBytes,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
} as const;

const decoder = new TextDecoder();

/** Messages are decoded outside grpc-js, so that a broken one fails where it can be handled. */
const asIs = (bytes: Buffer): Buffer => bytes;

export interface ConnectionOptions {
  /** `host:port` of one server's gRPC port. */
  readonly address: string;
  readonly namespace: string;
  readonly clientIp: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A request of the server, acknowledged already. */
  readonly pushed: (connection: NacosConnection, type: string, body: Json) => void;
  /** The connection ended and not by `close`. Called once. */
  readonly down: (connection: NacosConnection, reason: string) => void;
}

const CLOSED = 'the connection was closed';

/**
 * One session with one Nacos server over one TCP connection, for one namespace: handshake, requests, acknowledged
 * pushes, health. It never reconnects; when it ends, everything the server knew of it is gone.
 */
export class NacosConnection {
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  #stream: ClientDuplexStream<Buffer, Buffer> | null = null;
  readonly #pending = new Set<(error: NacosError) => void>();
  #requestId = 0;
  #lastReceived: number;
  #cancelHealth: Cancel = () => {};
  #setupAcked: () => void = () => {};
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#lastReceived = options.clock.now();
    this.#client = new Client(options.address, credentials.createInsecure(), GRPC_OPTIONS);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Handshake. Afterwards requests are accepted.
   * @throws NacosError when the server is not reachable, not ready, or does not confirm.
   */
  async open(): Promise<void> {
    const check = await this.#unary('ServerCheckRequest', {}, {}, PROBE_TIMEOUT_MS);
    this.#openStream();
    const labels = { source: 'sdk', module: 'naming', AppName: 'sluice', 'tls.enable': 'false' };
    const tenant = this.#options.namespace;
    this.#send('ConnectionSetupRequest', { clientVersion: CLIENT_VERSION, tenant, labels, abilityTable: {} });
    const confirms = check['supportAbilityNegotiation'] === true;
    const unconfirmed = confirms ? new NacosError('the server did not confirm the connection') : undefined;
    await this.#wait<void>(confirms ? SETUP_ACK_TIMEOUT_MS : UNCONFIRMED_SETUP_MS, unconfirmed, (settle) => {
      this.#setupAcked = settle;
      return () => {};
    });
    this.#watchHealth();
  }

  /**
   * Sends a naming request and resolves with the body of the answer.
   * @throws NacosError with the server's code; without one when it did not answer in 10 s or the connection ended.
   */
  request(type: string, body: Json, headers: Readonly<Record<string, string>>): Promise<Json> {
    return this.#unary(type, { ...body, module: 'naming' }, headers, REQUEST_TIMEOUT_MS);
  }

  /** Ends the session; requests in flight fail. Twice is harmless. */
  close(): void {
    this.#end(CLOSED);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelHealth();
    for (const abort of this.#pending) abort(new NacosError(reason));
    this.#stream?.cancel();
    this.#client.close();
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.#end(reason);
    this.#options.down(this, reason);
  }

  async #unary(type: string, body: Json, headers: Readonly<Record<string, string>>, timeout: number): Promise<Json> {
    const requestId = String(++this.#requestId);
    const bytes = this.#encode(type, { ...body, requestId }, headers);
    const answer = await this.#call(type, bytes, timeout);
    this.#lastReceived = this.#options.clock.now();
    const { type: answerType, body: json } = this.#decode(answer);
    const code = numberOf(json, 'errorCode', 0);
    if (answerType === 'ErrorResponse' || numberOf(json, 'resultCode', 200) !== 200) {
      if (code === NACOS_CODE.unregistered) this.#fail('the server does not know the connection any more');
      throw new NacosError(`${type} refused with code ${code} (${textOf(json, 'message').slice(0, 200)})`, code);
    }
    return json;
  }

  #call(type: string, bytes: Buffer, timeout: number): Promise<Buffer> {
    return this.#wait<Buffer>(timeout, new NacosTimeout(`${type} was not answered in ${timeout} ms`), (settle) => {
      const done = (error: ServiceError | null, answer?: Buffer): void => {
        const reason = error?.details ?? 'no answer';
        settle(answer ?? new NacosError(`${type} failed (${reason})`, 0, { cause: error }));
      };
      const call = this.#client.makeUnaryRequest('/Request/request', asIs, asIs, bytes, new Metadata(), {}, done);
      return () => call.cancel();
    });
  }

  /**
   * Waits for one result, at most `timeout` ms and not beyond the end of the connection. `start` may return what ends
   * the work when it is no longer wanted.
   */
  #wait<T>(
    timeout: number,
    expired: T | NacosError,
    start: (settle: (result: T | NacosError) => void) => () => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new NacosError(CLOSED));
        return;
      }
      const settle = (result: T | NacosError): void => {
        if (!this.#pending.delete(abort)) return;
        cancelTimer();
        if (result instanceof NacosError) reject(result);
        else resolve(result);
      };
      const abort = (result: T | NacosError): void => {
        settle(result);
        abandon();
      };
      this.#pending.add(abort);
      const abandon = start(settle);
      const cancelTimer = this.#options.clock.after(timeout, () => abort(expired));
    });
  }

  #openStream(): void {
    const stream = this.#client.makeBidiStreamRequest('/BiRequestStream/requestBiStream', asIs, asIs);
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => this.#receive(bytes));
    stream.on('error', (error: ServiceError) => this.#fail(`the server ended the connection (${error.details})`));
    stream.on('end', () => this.#fail('the server ended the connection'));
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return;
    this.#lastReceived = this.#options.clock.now();
    let message: { type: string; body: Json };
    try {
      message = this.#decode(bytes);
    } catch (error) {
      this.#options.log.warn({ reason: reasonOf(error) }, 'nacos: a message of the server cannot be read');
      return;
    }
    const { type, body } = message;
    if (type === 'SetupAckRequest') {
      this.#setupAcked();
      return;
    }
    // First the answer, then the work: a late one makes the server push again or drop the connection.
    if (type.endsWith('Request')) this.#acknowledge(type, textOf(body, 'requestId'));
    this.#options.pushed(this, type, body);
  }

  #acknowledge(type: string, requestId: string): void {
    const answer = `${type.slice(0, -'Request'.length)}Response`;
    const extra = type === 'ClientConfigMetricRequest' ? { metrics: {} } : {};
    this.#send(answer, { resultCode: 200, errorCode: 0, success: true, requestId, ...extra });
  }

  #send(type: string, body: Json): void {
    if (!this.#closed) this.#stream?.write(this.#encode(type, body, {}));
  }

  #encode(type: string, body: Json, headers: Payload['headers']): Buffer {
    const json = Buffer.from(JSON.stringify({ headers: {}, ...body }));
    return encodePayload({ type, clientIp: this.#options.clientIp, headers, body: json });
  }

  #decode(bytes: Buffer): { type: string; body: Json } {
    try {
      const payload = decodePayload(bytes);
      const body: unknown = JSON.parse(decoder.decode(payload.body));
      if (isJson(body)) return { type: payload.type, body };
    } catch (error) {
      throw new NacosError('the server sent a message that is no payload', 0, { cause: error });
    }
    throw new NacosError('the server sent a message without a JSON object');
  }

  #watchHealth(): void {
    if (this.#closed) return;
    const left = this.#lastReceived + IDLE_MS - this.#options.clock.now();
    if (left > 0) this.#cancelHealth = this.#options.clock.after(left, () => this.#watchHealth());
    else void this.#probe().then(() => this.#watchHealth());
  }

  async #probe(): Promise<void> {
    for (let attempt = 1; attempt <= PROBES; attempt++) {
      const before = this.#lastReceived;
      try {
        await this.#unary('HealthCheckRequest', {}, {}, PROBE_TIMEOUT_MS);
        return;
      } catch (error) {
        // A push that came meanwhile proves as much as an answer would.
        if (this.#closed || (error instanceof NacosTimeout && this.#lastReceived > before)) return;
        if (!(error instanceof NacosTimeout) || attempt === PROBES) this.#fail(`unhealthy: ${reasonOf(error)}`);
      }
    }
  }
}

/** Nothing came back in time; unlike a refusal it says nothing about the server. */
class NacosTimeout extends NacosError {}
