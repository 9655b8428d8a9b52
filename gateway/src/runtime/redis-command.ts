import type { BodyBudget } from '../core/body-budget.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { CalloutHandle, CalloutResult, RedisHandler, RedisRequest } from '../wasm/host.ts';
import type { ReplyTaker } from './redis-stream.ts';

/** One command of a plugin, from the call to the reply. */
export class RedisCommand implements CalloutHandle, ReplyTaker, Expirable {
  readonly query: Buffer;
  /** The tenant may hold it. */
  readonly held: boolean;
  readonly #handler: RedisHandler;
  readonly #wheel: TimerWheel;
  readonly #budget: BodyBudget;
  #timer: WheelTimer | null;
  #over = false;

  /** @param budget of the tenant whose plugin it is */
  constructor({ query, timeoutMs }: RedisRequest, handler: RedisHandler, wheel: TimerWheel, budget: BodyBudget) {
    this.query = query;
    this.#handler = handler;
    this.#wheel = wheel;
    this.#budget = budget;
    this.held = budget.take(query.length);
    this.#timer = wheel.schedule(this, timeoutMs);
  }

  /** Nobody waits for it any more. */
  get over(): boolean {
    return this.#over;
  }

  onReply(reply: Buffer | null): void {
    if (reply === null) this.fail('too-large');
    else this.#finish(reply, 'success');
  }

  onTimeout(): void {
    this.#timer = null;
    this.fail('timeout');
  }

  fail(result: CalloutResult): void {
    this.#finish(null, result);
  }

  /** As `fail`, when the guest that asks is still running. */
  failSoon(result: CalloutResult): void {
    queueMicrotask(() => this.fail(result));
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#wheel.cancel(this.#timer);
    this.#timer = null;
    if (this.held) this.#budget.give(this.query.length);
  }

  #finish(reply: Buffer | null, result: CalloutResult): void {
    if (this.#over) return;
    this.cancel();
    this.#handler.onRedisDone(reply, result);
  }
}
