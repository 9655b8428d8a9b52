import type { Endpoint } from './endpoint.ts';
import type { Random, Selector } from './selector.ts';

/** Picks after which all times are moved back, so that doubles keep their precision. */
const REBASE_AT = 2 ** 20;

/** Most picks between two turns of one endpoint; keeps absurd ratios of weights finite. */
const MAX_INTERVAL = 2 ** 40;

/** An endpoint's next turn, in picks since the start: it may come from `start` on and should come by `finish`. */
class Turn {
  readonly endpoint: Endpoint;
  /** Picks between two turns. */
  readonly interval: number;
  start: number;
  finish: number;

  constructor(endpoint: Endpoint, interval: number, start: number) {
    this.endpoint = endpoint;
    this.interval = interval;
    this.start = start;
    this.finish = start + interval;
  }
}

/** A binary heap over one of a turn's times. */
class TurnHeap {
  readonly #key: 'start' | 'finish';
  readonly turns: Turn[] = [];

  constructor(key: 'start' | 'finish') {
    this.#key = key;
  }

  peek(): Turn | undefined {
    return this.turns[0];
  }

  push(turn: Turn): void {
    const { turns } = this;
    const key = this.#key;
    let at = turns.length;
    turns.push(turn);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (turns[parent]![key] <= turn[key]) break;
      turns[at] = turns[parent]!;
      at = parent;
    }
    turns[at] = turn;
  }

  pop(): Turn | undefined {
    const { turns } = this;
    const top = turns[0];
    const last = turns.pop();
    if (top === undefined || last === undefined || turns.length === 0) return top;
    const key = this.#key;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= turns.length) break;
      if (child + 1 < turns.length && turns[child + 1]![key] < turns[child]![key]) child++;
      if (last[key] <= turns[child]![key]) break;
      turns[at] = turns[child]!;
      at = child;
    }
    turns[at] = last;
    return top;
  }
}

/**
 * Weighted round robin, as smooth as nginx's and O(log n) per pick. Every endpoint is owed a turn each total/weight
 * picks; of those whose next turn has begun, the one that must be served soonest is picked (worst-case fair
 * queueing, Bennett and Zhang 1996). So after any number of picks nobody is more than one turn off its share.
 */
export class RoundRobinSelector implements Selector {
  readonly size: number;
  /** Turns that have begun, by finish; and those to come, by start. */
  readonly #ready = new TurnHeap('finish');
  readonly #later = new TurnHeap('start');
  /** Passed over by the current pick; empty between picks. */
  readonly #held: Turn[] = [];
  #now = 0;

  /**
   * @param previous whose turns go on, so that a push does not begin the round anew; endpoints that it did not have
   *   begin anywhere in their interval, so that many workers do not greet the same newcomer at once
   */
  constructor(endpoints: readonly Endpoint[], random: Random, previous: RoundRobinSelector | null) {
    this.size = endpoints.length;
    const carried = previous === null ? null : previous.#phases();
    let total = 0;
    for (const endpoint of endpoints) total += endpoint.record.weight;
    for (const endpoint of endpoints) {
      const interval = Math.min(total / endpoint.record.weight, MAX_INTERVAL);
      const phase = carried?.get(endpoint) ?? random();
      this.#later.push(new Turn(endpoint, interval, phase * interval));
    }
  }

  select(tried: readonly Endpoint[] | null): Endpoint | null {
    this.#release();
    let turn = this.#next();
    if (tried !== null) {
      const held = this.#held;
      while (turn !== undefined && tried.includes(turn.endpoint)) {
        held.push(turn);
        turn = this.#next();
      }
      while (held.length > 0) this.#later.push(held.pop()!);
    }
    if (turn === undefined) return null;
    turn.start = Math.max(turn.finish, this.#now - turn.interval);
    turn.finish = turn.start + turn.interval;
    this.#later.push(turn);
    this.#now++;
    if (this.#now > REBASE_AT) this.#rebase();
    return turn.endpoint;
  }

  #release(): void {
    for (let turn = this.#later.peek(); turn !== undefined && turn.start <= this.#now; turn = this.#later.peek()) {
      this.#ready.push(this.#later.pop()!);
    }
  }

  /** With nobody's turn begun (rounding, or endpoints that began late) the nearest one comes early. */
  #next(): Turn | undefined {
    return this.#ready.pop() ?? this.#later.pop();
  }

  /** How far each endpoint's next turn is away, in its own intervals. */
  #phases(): Map<Endpoint, number> {
    const phases = new Map<Endpoint, number>();
    for (const turn of [...this.#ready.turns, ...this.#later.turns]) {
      phases.set(turn.endpoint, Math.min(1, Math.max(-1, (turn.start - this.#now) / turn.interval)));
    }
    return phases;
  }

  #rebase(): void {
    for (const heap of [this.#ready, this.#later]) {
      for (const turn of heap.turns) {
        turn.start -= this.#now;
        turn.finish -= this.#now;
      }
    }
    this.#now = 0;
  }
}
