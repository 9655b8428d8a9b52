import { BodyBudgets } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import { runContract } from '../exchange/contract.suite.ts';
import { MemoryBody, MemorySink } from '../exchange/memory.ts';
import { BodyProbe, memorySender, SinkProbe, sinkReceiver } from '../exchange/probes.suite.ts';
import { WholeBody } from '../exchange/whole-body.ts';
import { type Conduct, ScriptedFilter } from './body.suite.ts';
import { NOWHERE, REQUEST } from './filter.ts';
import { FilteredRequestBody, type RequestBodyOwner } from './request-body.ts';
import { FilterSlot } from './slot.ts';

/** A request body behind a filter, as an upstream client meets it: streamed, or whole when all of it is there. */
class BehindFilter implements BodySource, RequestBodyOwner {
  readonly length: number;
  limit = Number.POSITIVE_INFINITY;
  hiddenTrailer = '';
  readonly #body: FilteredRequestBody;
  #open: BodySource | null = null;
  #reader: BodyReader | null = null;
  #failure: ErrorCode | null = null;
  #paused = false;

  constructor(source: BodySource, conduct: Conduct) {
    this.length = source.length;
    this.#body = new FilteredRequestBody(source, this, new BodyBudgets(() => 1e9).of('a'));
    const slot = new FilterSlot({ name: '', wantsRequestHeaders: true, wantsResponseHeaders: true, create }, 0, {
      resume: (_direction, resumed) => this.#body.flow.resume(resumed),
      trailers: () => null,
      reply: () => true,
      fail: () => true,
      reset: () => {},
      endMessage: () => {},
      mayInject: () => false,
      inject: () => {},
      destination: NOWHERE,
      crash: (error) => this.crash(error),
    });
    const filter = new ScriptedFilter(conduct, REQUEST, 1e9);
    filter.control = slot;
    slot.filter = filter;
    this.#body.flow.add(slot, 0);
    this.#body.flow.passTo(Number.POSITIVE_INFINITY);
    this.#body.begin();
  }

  get received(): number {
    return this.#body.received;
  }

  get completedAt(): number {
    return this.#body.completedAt;
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    this.#open?.read(reader);
    if (this.#failure !== null) setImmediate(() => reader.onBodyError(this.#failure!));
  }

  pause(): void {
    this.#paused = true;
    this.#open?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#open?.resume();
  }

  stop(): void {
    this.#open?.stop();
    this.#body.close();
  }

  onRequestBody(body: BodySource, whole: Buffer | null): void {
    this.#open = whole === null ? body : new WholeBody(whole);
    if (this.#reader !== null) this.#open.read(this.#reader);
    if (this.#paused) this.#open.pause();
  }

  onRequestBodyFailed(code: ErrorCode): void {
    this.#failure = code;
    this.#reader?.onBodyError(code);
  }

  passRequestHead(): void {}

  crash(error: unknown): void {
    throw error;
  }
}

function create(): null {
  return null;
}

for (const conduct of ['pass', 'later', 'full'] as const) {
  runContract(
    `a request body behind a filter that would ${conduct}`,
    async ({ bodyLength }) => {
      const source = new MemoryBody(bodyLength ?? -1);
      const sink = new MemorySink();
      return {
        sender: memorySender(source),
        bodyReceiver: new BodyProbe(new BehindFilter(source, conduct)),
        response: new SinkProbe(sink),
        client: sinkReceiver(sink),
        begun: Promise.resolve(),
        close: async () => {},
      };
    },
    { requestTrailers: true },
  );
}
