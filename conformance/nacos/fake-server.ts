// A Nacos server in the process, for tests and for faults that a real one cannot be asked for.
import { type Body, FakeGrpc, type FakeMessage } from './fake-grpc.ts';
import { type FakeAuth, FakeLogin, type FakeLoginPath } from './fake-login.ts';
import { type FakeInstance, FakeRegistry, type FakeServiceInfo } from './fake-registry.ts';
import { type Connection, connectionId, type FakeConnection, FakePeers } from './fake-peers.ts';
import { FakeRelay } from './fake-relay.ts';

export type { FakeMessage } from './fake-grpc.ts';
export type { FakeAuth, FakeLoginPath } from './fake-login.ts';
export type { FakeConnection } from './fake-peers.ts';
export type { FakeInstance, FakeServiceInfo } from './fake-registry.ts';

export interface FakeNacosOptions {
  /** HTTP port; gRPC is 1000 above. Default: a free pair. */
  readonly port?: number;
  /** Changes of one service within this time become one push. Default 500, as the real server. */
  readonly pushDelayMs?: number;
  /** Switches password login on. */
  readonly auth?: FakeAuth;
  /** Default `/nacos/v3/auth/user/login`. */
  readonly loginPath?: FakeLoginPath;
  /** `ack` as servers from 2.3, `none` as older ones, `lost` for one that announces the confirmation and never sends it. */
  readonly setup?: 'ack' | 'none' | 'lost';
  /** Time for the answer to a push before it is sent again. Default 5000. */
  readonly ackTimeoutMs?: number;
  /** Silence after which a client is asked whether it lives. Default 20 000. */
  readonly idleMs?: number;
}

/** Messages of clients that are remembered for tests. */
const MEMORY = 100_000;
/** Starts a server on 127.0.0.1. Rejects when the given port, or the one 1000 above, is taken. */
export async function startFakeNacos(options: FakeNacosOptions = {}): Promise<FakeNacos> {
  const server = new FakeNacos(options);
  await server.start();
  return server;
}

export class FakeNacos {
  readonly #options: FakeNacosOptions;
  readonly #registry: FakeRegistry;
  readonly #grpc: FakeGrpc;
  readonly #peers: FakePeers;
  readonly #messages: FakeMessage[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #refusals: { type: string; code: number | null }[] = [];
  readonly #duePushes = new Set<string>();
  #login: FakeLogin;
  #relay: FakeRelay | null = null;
  #starting = false;
  #muted = false;
  #httpPort = 0;

  constructor(options: FakeNacosOptions) {
    this.#options = options;
    this.#registry = new FakeRegistry((key) => this.#changed(key));
    this.#login = this.#newLogin();
    this.#grpc = new FakeGrpc({
      request: (message) => this.#request(message),
      streamed: (message) => this.#streamed(message),
      ended: (peer) => this.#peers.forget(peer),
    });
    const { setup = 'ack', ackTimeoutMs = 5_000, idleMs = 20_000 } = options;
    this.#peers = new FakePeers(this.#grpc, { setup, ackTimeoutMs, idleMs, gone: ({ id }) => this.#gone(id) });
  }

  async start(): Promise<void> {
    this.#relay = new FakeRelay(await this.#grpc.listen());
    await this.#listen(this.#options.port ?? 0, this.#options.port === undefined ? 50 : 1);
  }

  /** `127.0.0.1:PORT` of the HTTP port, as clients are configured. */
  get address(): string {
    return `127.0.0.1:${this.#httpPort}`;
  }

  get httpPort(): number {
    return this.#httpPort;
  }

  get grpcPort(): number {
    return this.#httpPort + 1000;
  }

  /** Replaces the instances of a service; subscribers are told after the push delay. `''` is the default namespace or group. */
  setInstances(service: string, group: string, namespace: string, instances: readonly FakeInstance[]): void {
    this.#registry.setInstances(this.#registry.key(namespace, group, service), instances);
  }

  /** As an edit in the console: from now on the service has a threshold (0 to 1). */
  setProtectThreshold(service: string, group: string, namespace: string, threshold: number): void {
    this.#registry.setProtectThreshold(this.#registry.key(namespace, group, service), threshold);
  }

  // What clients did.

  connections(): FakeConnection[] {
    return this.#peers.all();
  }

  /** TCP connections that are open, set up or not. */
  get sockets(): number {
    return this.#relay?.size ?? 0;
  }

  /** Messages of a type so far, oldest first. */
  messages(type: string): FakeMessage[] {
    return this.#messages.filter((message) => message.type === type);
  }

  /** Resolves when `count` messages of a type have come since the start. */
  async received(type: string, count = 1): Promise<FakeMessage[]> {
    await this.until(() => this.messages(type).length >= count);
    return this.messages(type);
  }

  /** Resolves when the condition holds; it is looked at after each message and each end of a connection. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Password logins: how many were granted, and all URLs that were asked for. */
  get logins(): { readonly granted: number; readonly urls: readonly string[] } {
    return this.#login;
  }

  // Faults.

  /** While true, a server check is answered with 300, as by a server that is not ready. */
  setStarting(starting: boolean): void {
    this.#starting = starting;
  }

  /** Forgets all connections but leaves them open: requests are answered with 301 from now on. */
  forgetConnections(): void {
    for (const { peer } of this.#peers.all()) this.#peers.forget(peer);
  }

  /** Asks all clients to connect again, to the named server if one is named. */
  resetConnections(to: { serverIp?: string; serverPort?: string } = {}): void {
    for (const { peer, id } of this.#peers.all())
      this.#peers.push(peer, 'ConnectResetRequest', { connectionId: id, ...to });
  }

  /** Asks all clients whether they live; those that do not answer in 5 s are forgotten. */
  detectConnections(): void {
    for (const connection of this.#peers.all()) this.#peers.detect(connection);
  }

  /** Half-open connections: nothing passes, nobody is told. */
  freeze(): void {
    this.#relay?.freeze();
  }

  thaw(): void {
    this.#relay?.thaw();
  }

  /** Resets all TCP connections. */
  dropConnections(): void {
    this.#relay?.drop();
  }

  /** All access tokens are void: requests are answered with 403. */
  revokeTokens(): void {
    this.#login.revoke();
  }

  /** The next logins are answered with an HTTP status. */
  failLogins(status: number, times = 1): void {
    this.#login.fail(status, times);
  }

  /** The next requests of a type are refused with an error code; null: never answered. */
  refuse(type: string, code: number | null, times = 1): void {
    for (let i = 0; i < times; i++) this.#refusals.push({ type, code });
  }

  /** While true, changes are not pushed. */
  mutePushes(muted: boolean): void {
    this.#muted = muted;
  }

  /** Pushes a list of the test's making to the subscribers of a service, at once; the rest is as the service has it. */
  pushInfo(
    service: string,
    group: string,
    namespace: string,
    info: Partial<Record<keyof FakeServiceInfo, unknown>>,
  ): void {
    const key = this.#registry.key(namespace, group, service);
    this.#pushTo(key, { ...this.#registry.info(key), ...info });
  }

  /** Sends any message to all clients. */
  sendAll(type: string, body: Body): void {
    for (const { peer } of this.#peers.all()) this.#grpc.send(peer, type, body);
  }

  /** Sends any bytes to all clients, as one gRPC message. */
  sendBytes(bytes: Buffer): void {
    for (const { peer } of this.#peers.all()) this.#grpc.sendBytes(peer, bytes);
  }

  /** Ends all connections and frees the ports. */
  async stop(): Promise<void> {
    this.#peers.close();
    this.#grpc.close();
    await Promise.all([this.#login.close(), this.#relay?.close()]);
  }

  #newLogin(): FakeLogin {
    return new FakeLogin(this.#options.auth, this.#options.loginPath ?? '/nacos/v3/auth/user/login');
  }

  /** Finds a port whose neighbour 1000 above is free too. */
  async #listen(port: number, attempts: number): Promise<void> {
    this.#httpPort = await this.#login.listen(port);
    try {
      await this.#relay!.listen(this.grpcPort);
    } catch (error) {
      await this.#login.close();
      if (attempts <= 1) throw error;
      this.#login = this.#newLogin();
      await this.#listen(port, attempts - 1);
    }
  }

  #note(message: FakeMessage): void {
    if (this.#messages.length >= MEMORY) this.#messages.shift();
    this.#messages.push(message);
    for (const check of this.#waiting) check();
  }

  #request(message: FakeMessage): { type: string; body: Body } | null {
    const connection = this.#peers.get(message.peer);
    this.#peers.heard(message.peer);
    this.#note(message);
    const { type, body } = message;
    const refusal = this.#refusals.findIndex((entry) => entry.type === type);
    if (refusal >= 0) {
      const [{ code } = { code: null }] = this.#refusals.splice(refusal, 1);
      return code === null ? null : error(code, 'refused by the test');
    }
    if (type === 'ServerCheckRequest') return this.#serverCheck(message);
    if (connection === undefined) return error(301, 'Connection is unregistered.');
    if (type === 'HealthCheckRequest') return answer('HealthCheckResponse', body, {});
    if (!this.#login.admits(message.headers['accessToken']))
      return { type: answerType(type), body: failure(403, 'no right') };
    return this.#naming(connection, type, body);
  }

  #serverCheck({ peer, body }: FakeMessage): { type: string; body: Body } {
    if (this.#starting) return error(300, 'Server is starting, please try later.');
    const abilities = this.#options.setup === 'none' ? {} : { supportAbilityNegotiation: true };
    return answer('ServerCheckResponse', body, { connectionId: connectionId(peer), ...abilities });
  }

  #naming(connection: Connection, type: string, body: Body): { type: string; body: Body } {
    const key = this.#registry.key(text(body, 'namespace'), text(body, 'groupName'), text(body, 'serviceName'));
    switch (type) {
      case 'SubscribeServiceRequest':
        if (body['subscribe'] === false) connection.subscriptions.delete(key);
        else {
          connection.subscriptions.add(key);
          // The real server, too, sends a first push to every new subscriber.
          this.#peers.later(this.#pushDelay, () => this.#pushTo(key, this.#registry.info(key), connection));
        }
        return answer('SubscribeServiceResponse', body, { serviceInfo: this.#registry.info(key) });
      case 'ServiceQueryRequest':
        return answer('QueryServiceResponse', body, { serviceInfo: this.#registry.info(key) });
      case 'InstanceRequest': {
        const registers = body['type'] === 'registerInstance';
        this.#registry.register(key, connection.id, registers ? [body['instance'] as FakeInstance] : []);
        return answer('InstanceResponse', body, { type: body['type'] });
      }
      case 'BatchInstanceRequest':
        this.#registry.register(key, connection.id, body['instances'] as FakeInstance[]);
        return answer('BatchInstanceResponse', body, { type: body['type'] });
      case 'ServiceListRequest': {
        const names = this.#registry.names(
          text(body, 'namespace') || 'public',
          text(body, 'groupName') || 'DEFAULT_GROUP',
        );
        return answer('ServiceListResponse', body, { count: names.length, serviceNames: names });
      }
      default:
        return error(302, `no handler for ${type}`);
    }
  }

  #streamed(message: FakeMessage): void {
    const { peer, type, body } = message;
    if (type === 'ConnectionSetupRequest') this.#peers.setUp(peer, body);
    else this.#peers.heard(peer, text(body, 'requestId'));
    this.#note(message);
  }

  #gone(id: string): void {
    this.#registry.forget(id);
    for (const check of this.#waiting) check();
  }

  get #pushDelay(): number {
    return this.#options.pushDelayMs ?? 500;
  }

  /** The first change starts the clock; those that follow within the delay ride along. */
  #changed(key: string): void {
    if (this.#duePushes.has(key)) return;
    this.#duePushes.add(key);
    this.#peers.later(this.#pushDelay, () => {
      this.#duePushes.delete(key);
      if (!this.#muted) this.#pushTo(key, this.#registry.info(key));
    });
  }

  #pushTo(key: string, serviceInfo: object, only?: FakeConnection): void {
    if (this.#muted) return;
    for (const connection of this.#peers.all()) {
      if (!connection.subscriptions.has(key) || (only !== undefined && only.id !== connection.id)) continue;
      this.#peers.notify(connection.peer, serviceInfo, () => this.#pushTo(key, this.#registry.info(key), connection));
    }
  }
}

function text(body: Body, name: string): string {
  const value = body[name];
  return typeof value === 'string' ? value : '';
}

function answerType(request: string): string {
  return request === 'ServiceQueryRequest' ? 'QueryServiceResponse' : request.replace(/Request$/, 'Response');
}

function answer(type: string, request: Body, body: Body): { type: string; body: Body } {
  const requestId = request['requestId'] ?? null;
  return { type, body: { resultCode: 200, errorCode: 0, message: null, requestId, success: true, ...body } };
}

function failure(errorCode: number, message: string): Body {
  return { resultCode: 500, errorCode, message, success: false };
}

function error(errorCode: number, message: string): { type: string; body: Body } {
  return { type: 'ErrorResponse', body: failure(errorCode, message) };
}
