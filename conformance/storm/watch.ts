// Looks at a gateway while a storm is on: its memory, descriptors, event loops, and a client that was there before.
import { connect, type TLSSocket } from 'node:tls';
import { descriptorsOf, rssMiB } from '../figures.ts';
import type { GatewayUnderTest } from '../gateway.ts';

export interface Watched {
  rssMiB: number;
  descriptors: number;
  /** 99th percentile of the delay of the slowest worker's event loop between two looks, at worst. */
  loopDelayMs: number;
  level: number;
  /** Answers of the admin API at their slowest. */
  adminMs: number;
  /** Requests of the client that was there before, and the slowest of them. */
  requests: number;
  failed: number;
  slowestMs: number;
}

const LOOK_MS = 250;
const ASK_MS = 20;

/** From its start on the worst of each value. */
export class Watch {
  readonly #gateway: GatewayUnderTest;
  readonly #steady: SteadyClient;
  #worst = nothing();
  #timer: NodeJS.Timeout | null = null;
  #looking = false;

  constructor(gateway: GatewayUnderTest, host: string) {
    this.#gateway = gateway;
    this.#steady = new SteadyClient(gateway.port, host);
  }

  start(): void {
    this.#steady.start();
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  /** The worst since the last call. */
  take(): Watched {
    const { requests, failed, slowestMs } = this.#steady.take();
    const worst = { ...this.#worst, requests, failed, slowestMs };
    this.#worst = nothing();
    return worst;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#steady.stop();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const worst = this.#worst;
    try {
      worst.rssMiB = Math.max(worst.rssMiB, rssMiB(this.#gateway.pid));
      worst.descriptors = Math.max(worst.descriptors, descriptorsOf(this.#gateway.pid));
      const start = performance.now();
      const { body } = await this.#gateway.admin('/metrics');
      worst.adminMs = Math.max(worst.adminMs, performance.now() - start);
      worst.loopDelayMs = Math.max(worst.loopDelayMs, 1000 * highest(body, 'sluice_worker_event_loop_delay_seconds'));
      worst.level = Math.max(worst.level, highest(body, 'sluice_overload_level'));
    } catch (error) {
      // The next look shows whether it was a moment; a gateway that is gone fails the case by itself.
      console.error(`a look at the gateway failed: ${String(error)}`);
    } finally {
      this.#looking = false;
    }
  }
}

function nothing(): Watched {
  return { rssMiB: 0, descriptors: 0, loopDelayMs: 0, level: 0, adminMs: 0, requests: 0, failed: 0, slowestMs: 0 };
}

/** Highest value of a metric over its labels. */
function highest(page: string, name: string): number {
  const values = [...page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
  return Math.max(0, ...values);
}

/** A client that is connected before the storm and asks on and on, one request after the other. */
class SteadyClient {
  readonly #port: number;
  readonly #request: string;
  #socket: TLSSocket | null = null;
  #askedAt = 0;
  #requests = 0;
  #failed = 0;
  #slowestMs = 0;
  #stopped = false;

  constructor(port: number, host: string) {
    this.#port = port;
    this.#request = `GET /steady HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  }

  start(): void {
    const socket = connect({ host: '127.0.0.1', port: this.#port, rejectUnauthorized: false });
    this.#socket = socket;
    socket.once('secureConnect', () => this.#ask());
    // Answers are far below the size of one record.
    socket.on('data', (chunk: Buffer) => this.#onAnswer(chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!this.#stopped) this.#failed++;
    });
  }

  take(): { requests: number; failed: number; slowestMs: number } {
    // What is still waiting counts as it is.
    const slowestMs = Math.max(this.#slowestMs, this.#askedAt === 0 ? 0 : performance.now() - this.#askedAt);
    const taken = { requests: this.#requests, failed: this.#failed, slowestMs };
    this.#requests = 0;
    this.#failed = 0;
    this.#slowestMs = 0;
    return taken;
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  #ask(): void {
    if (this.#stopped) return;
    this.#askedAt = performance.now();
    this.#socket!.write(this.#request);
  }

  #onAnswer(text: string): void {
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - this.#askedAt);
    this.#askedAt = 0;
    this.#requests++;
    if (!/^HTTP\/1\.1 (200|503) /.test(text)) this.#failed++;
    setTimeout(() => this.#ask(), ASK_MS);
  }
}
