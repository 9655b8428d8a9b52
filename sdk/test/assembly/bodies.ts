/** A plugin that does to bodies and trailers what the headers `x-request` and `x-response` say; for bodies.test.ts. */
import { Action, Body, HeaderMap, HttpFilter, Plugin, Status, log, register, utf8 } from '@sluice/plugin-sdk';

class Bodies extends Plugin {
  waiting: BodiesFilter | null = null;

  onConfigure(configuration: string): bool {
    return this.setTickPeriod(10) == Status.Ok;
  }

  onTick(): void {
    const waiting = this.waiting;
    if (waiting) waiting.resumeLater();
  }

  createFilter(): HttpFilter {
    return new BodiesFilter(this);
  }
}

class BodiesFilter extends HttpFilter {
  private seen: i32 = 0;
  private pieces: i32 = 0;
  /** What waits for the tick is the response. */
  private resumesResponse: bool = false;

  constructor(private plugin: Bodies) {
    super();
  }

  onRequestBody(body: Body, endOfStream: bool): Action {
    return this.edit(this.request.get('x-request'), body, this.requestTrailers, endOfStream);
  }

  onResponseBody(body: Body, endOfStream: bool): Action {
    this.resumesResponse = true;
    return this.edit(this.request.get('x-response'), body, this.responseTrailers, endOfStream);
  }

  onRequestTrailers(trailers: HeaderMap): Action {
    return this.editTrailers('request', trailers);
  }

  onResponseTrailers(trailers: HeaderMap): Action {
    return this.editTrailers('response', trailers);
  }

  onLog(): void {
    if (!this.request.has('x-log')) return;
    log.info(`gone: ${this.requestBody.length},${this.responseBody.bytes().byteLength},${this.requestBody.clear()}`);
  }

  /** The tick: what was paused goes on with a change made now. */
  resumeLater(): void {
    const body = this.resumesResponse ? this.responseBody : this.requestBody;
    if (body.length < this.seen) return;
    this.plugin.waiting = null;
    body.splice(0, 1, utf8('*'));
    if (this.resumesResponse) this.resumeResponse();
    else this.resumeRequest();
  }

  private edit(how: string | null, body: Body, trailers: HeaderMap, end: bool): Action {
    if (how === null) return Action.Continue;
    this.pieces++;
    if (how == 'upper') return this.upper(body);
    if (how == 'wrap') return this.wrap(body, end);
    if (how == 'drop') return this.drop(body, end);
    if (how == 'limit') return this.limit(body, end);
    if (how == 'empty') return body.clear() == Status.Ok ? Action.Continue : this.reset403();
    if (how == 'refuse') return this.respond(422, null, `not ${body.text()}`);
    if (how == 'splice') body.splice(1, 2, utf8('XYZ-'), 3);
    if (how == 'slice') body.replace(body.bytes(2, 3));
    if (how == 'beyond') log.info(`beyond: ${body.bytes(1000).byteLength}, ${body.length}`);
    if (how == 'trailer' && end) log.info(`trailer: ${trailers.set('x-made', 'here')}`);
    if (how == 'whole') {
      if (!end) return this.pause();
      body.replaceText(`[${body.text()}] in ${this.pieces}`);
    }
    return Action.Continue;
  }

  private reset403(): Action {
    return this.respond(403);
  }

  private upper(body: Body): Action {
    const bytes = body.bytes();
    for (let i: usize = 0; i < <usize>bytes.byteLength; i++) {
      const at = changetype<usize>(bytes) + i;
      if (load<u8>(at) >= 0x61 && load<u8>(at) <= 0x7a) store<u8>(at, load<u8>(at) & 0xdf);
    }
    body.replace(bytes);
    return Action.Continue;
  }

  private wrap(body: Body, end: bool): Action {
    if (this.pieces == 1) body.prepend(utf8('<'));
    if (end) body.append(utf8('>'));
    return Action.Continue;
  }

  private drop(body: Body, end: bool): Action {
    this.seen += body.length;
    if (!end) return Action.Drop;
    body.replaceText(`${this.seen} bytes`);
    return Action.Continue;
  }

  /** Holds all that it may, and lets the sender wait. */
  private limit(body: Body, end: bool): Action {
    this.seen = body.length;
    this.plugin.waiting = this;
    return Action.PauseAtLimit;
  }

  private editTrailers(direction: string, trailers: HeaderMap): Action {
    log.info(`${direction} trailers: ${trailers.get('x-sum') || 'none'}`);
    trailers.set('x-seen', direction);
    return Action.Continue;
  }
}

register((): Plugin => new Bodies());
