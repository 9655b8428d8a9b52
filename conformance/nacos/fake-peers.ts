import type { Body, FakeGrpc } from './fake-grpc.ts';

/** A connection whose setup was accepted. */
export interface FakeConnection {
  /** As the real server forms it: time, address and port of the client. */
  readonly id: string;
  readonly peer: string;
  /** Body of the ConnectionSetupRequest. */
  readonly setup: Body;
  readonly subscriptions: ReadonlySet<string>;
}

export interface Connection extends FakeConnection {
  readonly subscriptions: Set<string>;
  lastActive: number;
  /** Pushes that were not answered yet, by request id. */
  readonly unanswered: Map<string, () => void>;
}

const SWEEP_MS = 3_000;
const DETECT_TIMEOUT_MS = 5_000;
const RETRY_PUSH_MS = 1_000;

export interface FakePeersOptions {
  readonly setup: 'ack' | 'none' | 'lost';
  readonly ackTimeoutMs: number;
  readonly idleMs: number;
  /** A connection is gone, with all that was registered on it. */
  readonly gone: (connection: FakeConnection) => void;
}

/** The connections of a fake server: setup, requests of the server and their answers, silence. */
export class FakePeers {
  readonly #grpc: FakeGrpc;
  readonly #options: FakePeersOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #sweep: NodeJS.Timeout;
  #requestId = 0;

  constructor(grpc: FakeGrpc, options: FakePeersOptions) {
    this.#grpc = grpc;
    this.#options = options;
    this.#sweep = setInterval(() => this.#detectIdle(), SWEEP_MS).unref();
  }

  all(): Connection[] {
    return [...this.#connections.values()];
  }

  get(peer: string): Connection | undefined {
    return this.#connections.get(peer);
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Runs an action later, unless closed before. */
  later(delay: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delay);
    this.#timers.add(timer);
    return timer.unref();
  }

  setUp(peer: string, setup: Body): void {
    const labels = setup['labels'] as Body | undefined;
    // Without these the real server makes no naming client, and every request fails.
    if (labels?.['source'] !== 'sdk' || labels['module'] !== 'naming') return;
    const connection = { id: connectionId(peer), peer, setup, subscriptions: new Set<string>() };
    this.#connections.set(peer, { ...connection, lastActive: Date.now(), unanswered: new Map() });
    if (this.#options.setup !== 'ack' || !('abilityTable' in setup)) return;
    const abilityTable = { supportPersistentInstanceByGrpc: true, fuzzyWatch: true, lock: true, mcp: true };
    this.push(peer, 'SetupAckRequest', { module: 'internal', abilityTable });
  }

  /** The client gave a sign of life; with the id of a request, its answer. */
  heard(peer: string, requestId = ''): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    connection.lastActive = Date.now();
    connection.unanswered.get(requestId)?.();
    connection.unanswered.delete(requestId);
  }

  forget(peer: string): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    this.#connections.delete(peer);
    for (const answered of connection.unanswered.values()) answered();
    this.#options.gone(connection);
  }

  /** Sends a request; `answered` is called when the answer comes, or the connection ends. */
  push(peer: string, type: string, body: Body, answered?: () => void): void {
    const requestId = String(++this.#requestId);
    if (answered !== undefined) this.#connections.get(peer)?.unanswered.set(requestId, answered);
    this.#grpc.send(peer, type, { requestId, ...body });
  }

  /** Pushes a list; `again` is called when the client did not answer in time. */
  notify(peer: string, serviceInfo: object, again: () => void): void {
    const timer = this.later(this.#options.ackTimeoutMs, () => this.later(RETRY_PUSH_MS, again));
    const body = { module: 'naming', namespace: null, serviceName: null, groupName: null, serviceInfo };
    this.push(peer, 'NotifySubscriberRequest', body, () => clearTimeout(timer));
  }

  /** Asks whether the client lives, and forgets it when it does not say so. */
  detect({ peer }: FakeConnection): void {
    const timer = this.later(DETECT_TIMEOUT_MS, () => this.forget(peer));
    this.push(peer, 'ClientDetectionRequest', { module: 'internal' }, () => clearTimeout(timer));
  }

  #detectIdle(): void {
    const limit = Date.now() - this.#options.idleMs;
    for (const connection of this.#connections.values()) if (connection.lastActive <= limit) this.detect(connection);
  }
}

/** As the real server forms it. */
export function connectionId(peer: string): string {
  const [ip, port] = peer.split(':');
  return `${Date.now()}_${ip}_${port}`;
}
