import {
  Action, Body, ConfiguredPlugin, HeaderList, HttpFilter, JsonValue, Plugin, Settings, Status, log, properties, register, utf8,
} from '@sluice/plugin-sdk';
import { ContentType, ContentTypes, lower } from './content-type';
import { jsonText } from './json-text';
import { Masker } from './masker';
import { output } from './output';
import { MOST_PATHS } from './path-set';
import { Rules } from './rules';

/** Bytes that are read at once. What is passed on of them is made beside them, so this bounds the memory. */
const PIECE = 16 * 1024;
/** The same when there are paths, which make names dearer. */
const PIECE_WITH_PATHS = 2 * 1024;
/**
 * Instructions after which a callback begins with no further piece; a piece of the worst kind takes 1.7 million. What is
 * left waits for the next tick, so that no document is too large or too dense for the budget of a callback (5 million).
 */
const MOST_WORK: u64 = 3_000_000;
const TICK_MS = 10;

const IDENTITY = utf8('identity');
const ACCEPT_ENCODING = utf8('accept-encoding');
/** What asks for a part of a body: parts cannot be read, and a caller could choose one that is a secret. */
const PARTIAL: ArrayBuffer[] = [utf8('range'), utf8('if-range')];
/** What was said of a body that is not sent as it was. Sluice sets the new length; other gateways would send the old one. */
const OUTDATED: ArrayBuffer[] = [
  utf8('content-digest'), utf8('repr-digest'), utf8('digest'), utf8('content-md5'), utf8('content-length'),
];

@config
class BodyMaskConfig {
  /** Names whose values are masked wherever they stand; a dot is part of a name. */
  fields: string[] = [];
  /**
   * Names from the top of the document down, with dots between, at most 32; `*` is any one name. Lists on the way do not
   * count: `items.id` is the `id` of each item.
   */
  @maxItems(32) paths: string[] = [];
  /** What stands there instead: a string, a number, `true`, `false` or `null`. */
  mask: JsonValue = JsonValue.text('***');
  /** Whose bodies are masked: media types, and suffixes such as `+json`; `""` is a response without a type. */
  contentTypes: string[] = ['application/json', 'text/json', '+json'];
  /** `pass` lets bodies through unmasked that cannot be read, see below. */
  @oneOf('refuse', 'pass') unreadable: string = 'refuse';
}

class BodyMask extends ConfiguredPlugin<BodyMaskConfig> {
  readonly rules: Rules = new Rules();
  readonly types: ContentTypes = new ContentTypes();
  private waiting: BodyMaskFilter[] = [];

  /** Bodies that cannot be read are not passed on. */
  get refusesUnreadable(): bool {
    return this.config.unreadable == 'refuse';
  }

  onConfigured(settings: Settings): void {
    const fields = this.config.fields;
    for (let i = 0; i < fields.length; i++) this.rules.fields.add(utf8(fields[i]));
    const paths = this.config.paths;
    if (!fields.length && !paths.length) settings.reject('fields', 'is missing or empty, and so is paths');
    for (let i = 0; i < min(paths.length, MOST_PATHS); i++) {
      if (!this.rules.paths.add(paths[i])) settings.reject(`paths[${i}]`, 'has an empty name; must be names with dots between');
    }
    const mask = jsonText(this.config.mask);
    if (mask === null) settings.reject('mask', 'must be a string, a number, true, false or null');
    else this.rules.mask = utf8(mask);
    const types = this.config.contentTypes;
    for (let i = 0; i < types.length; i++) {
      if (this.types.add(types[i])) continue;
      settings.reject(`contentTypes[${i}]`, 'must be a media type such as application/json, or a suffix such as +json');
    }
  }

  /** The filter has more to do than one callback can take. */
  wait(filter: BodyMaskFilter): void {
    if (this.waiting.length == 0) this.setTickPeriod(TICK_MS);
    this.waiting.push(filter);
  }

  onTick(): void {
    const waiting = this.waiting;
    if (waiting.length) waiting.shift().goOn();
    if (waiting.length == 0) this.setTickPeriod(0);
  }

  createFilter(): HttpFilter {
    return new BodyMaskFilter(this);
  }
}

class BodyMaskFilter extends HttpFilter {
  /** Null: the response passes as it is. */
  private masker: Masker | null = null;
  /** How much of what is held of the body is masked already. */
  private masked: i32 = 0;
  private ended: bool = false;
  /** It is on the plugin's list. */
  private waits: bool = false;

  constructor(private plugin: BodyMask) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const request = this.request;
    request.setBytes(ACCEPT_ENCODING, IDENTITY);
    for (let i = 0; i < PARTIAL.length; i++) request.removeBytes(PARTIAL[i]);
    return Action.Continue;
  }

  onResponseHeaders(endOfStream: bool): Action {
    this.masker = null;
    if (endOfStream) return Action.Continue;
    const response = this.response;
    const type = new ContentType(response.get('content-type') || '');
    const isPartial = response.get(':status') == '206';
    const isJson = this.plugin.types.has(type.type);
    if (!isJson && !(isPartial && type.type == 'multipart/byteranges')) return Action.Continue;
    const encoding = lower(response.get('content-encoding') || '');
    if (isPartial) return this.unreadable('PARTIAL', 'only a part of it came');
    if (encoding.length && encoding != 'identity') return this.unreadable('ENCODED', 'it is encoded as ' + encoding);
    if (!type.isUtf8) return this.unreadable('CHARSET', 'it is not in UTF-8');
    for (let i = 0; i < OUTDATED.length; i++) response.removeBytes(OUTDATED[i]);
    this.masker = new Masker(this.plugin.rules);
    return Action.Continue;
  }

  onResponseBody(body: Body, endOfStream: bool): Action {
    this.ended = endOfStream;
    return this.mask(body);
  }

  /** The plugin's turn has come. */
  goOn(): void {
    this.waits = false;
    if (this.mask(this.responseBody) == Action.Continue) this.resumeResponse();
  }

  onDone(): void {
    this.masker = null;
  }

  /** Masks what is held and is not masked yet, or as much of it as one callback can take. */
  private mask(body: Body): Action {
    const masker = this.masker;
    if (!masker) return Action.Continue;
    const most = masker.work + MOST_WORK;
    const pieceSize = this.plugin.rules.paths.size ? PIECE_WITH_PATHS : PIECE;
    for (let left = body.length - this.masked; left > 0; ) {
      if (masker.work > most && hasBudget()) return this.wait();
      const piece = body.bytes(this.masked, pieceSize);
      const size = piece.byteLength;
      if (size == 0 || !masker.read(piece)) return this.broken(masker);
      left -= size;
      this.masked += masker.changed ? output.size() : size;
      if (!masker.changed) continue;
      const status = body.splice(this.masked - output.size(), size, output.bytes(), output.size());
      if (status != Status.Ok) return this.refuse('TOO_LARGE', 'with its masks it outgrows what may be held');
    }
    this.masked = 0;
    return this.ended && !masker.isComplete ? this.broken(masker) : Action.Continue;
  }

  private wait(): Action {
    if (!this.waits) this.plugin.wait(this);
    this.waits = true;
    return Action.PauseAtLimit;
  }

  private broken(masker: Masker): Action {
    return this.refuse('INVALID', `it is no JSON from byte ${masker.position} on`);
  }

  private unreadable(what: string, why: string): Action {
    return this.plugin.refusesUnreadable ? this.refuse(what, why) : Action.Continue;
  }

  /** Answers in place of the response; a response whose beginning has left is broken off by the gateway. */
  private refuse(what: string, why: string): Action {
    const code = 'SLUICE_BODY_MASK_' + what;
    log.warn(`${code}: the response cannot be masked, because ${why}`);
    const headers = new HeaderList().append('content-type', 'application/json');
    const message = 'The response of the service cannot be passed on.';
    return this.respond(502, headers, `{"error":{"code":"${code}","message":"${message}"}}`, code);
  }
}

/** Sluice alone bounds callbacks, and shows in a tick what is held of a body; elsewhere the whole of it is masked at once. */
function hasBudget(): bool {
  return properties.text('sluice.tenant') !== null;
}

register((): Plugin => new BodyMask());
