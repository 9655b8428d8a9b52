import { pairsByteLength, writePairs } from './pairs.ts';
import type { PluginText } from './wat.suite.ts';

/** Bytes as they stand in a data segment. */
export function data(address: number, bytes: Uint8Array): string {
  const text = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  return `(data (i32.const ${address}) "${text}")`;
}

/** A map as guests hand it over. */
export function serialised(pairs: readonly string[]): Buffer {
  const bytes = Buffer.alloc(pairsByteLength(pairs));
  writePairs(pairs, bytes, 0);
  return bytes;
}

export interface AskingGuest {
  /** Service as the guest names it. */
  readonly service: string;
  /** Pairs of the request; default a complete GET of /check. */
  readonly headers?: readonly string[];
  readonly body?: string;
  /** Bytes of the body in place of `body`, whatever they hold. */
  readonly bodyLength?: number;
  readonly trailers?: readonly string[];
  /** Milliseconds; default 5000. */
  readonly timeout?: number;
  /** How many callouts one request makes; default 1. */
  readonly times?: number;
  /** Where it asks; default in the callback of the request head. */
  readonly at?: 'proxy_on_request_headers' | 'proxy_on_log' | 'proxy_on_tick' | 'proxy_on_configure';
  /** Further callbacks. */
  readonly callbacks?: Readonly<Record<string, string>>;
  readonly memory?: string;
}

export const GET_CHECK = [':method', 'GET', ':path', '/check', ':authority', 'auth.internal'];

const SERVICE = 1024;
const HEADERS = 1280;
const BODY = 4096;
const TRAILERS = 3840;
const STATUS_NAME = 512;
/** Context of each callout, by its number. */
const OWNERS = 8192;

/** `$owner`: where the context of a callout stands. */
export const OWNER_OF = `(func $owner (param i32) (result i32)
  (i32.add (i32.const ${OWNERS}) (i32.mul (i32.and (local.get 0) (i32.const 1023)) (i32.const 4))))`;

/** Answers with a status, and a body that stands at address and length 76 and 80. */
export const reply = (status: string): string =>
  `(drop (call $send_local_response ${status} (i32.const 0) (i32.const 0) (i32.load (i32.const 76)) (i32.load (i32.const 80))
    (i32.const 0) (i32.const 0) (i32.const 0)))`;

/**
 * A guest that asks a service about each request and waits: 200 lets it pass, another status refuses it with 403 and the
 * service's body, a failed callout with 599, and a host call that is refused with 550 and its status.
 */
export function askingGuest(options: AskingGuest): PluginText {
  const { service, headers = GET_CHECK, body = '', trailers = [], timeout = 5000, times = 1 } = options;
  const at = options.at ?? 'proxy_on_request_headers';
  const head = serialised(headers);
  const trailing = serialised(trailers);
  const ask = `(call $http_call (i32.const ${SERVICE}) (i32.const ${service.length})
    (i32.const ${HEADERS}) (i32.const ${head.length}) (i32.const ${BODY}) (i32.const ${options.bodyLength ?? body.length})
    (i32.const ${TRAILERS}) (i32.const ${trailers.length === 0 ? 0 : trailing.length})
    (i32.const ${timeout}) (i32.const 64))`;
  const refused =
    at === 'proxy_on_request_headers'
      ? `${reply('(i32.add (i32.const 550) (local.get $s))')} (return (i32.const 1))`
      : '(unreachable)';
  const asking = `(local $s i32) (local $n i32)
    (loop $again
      (local.set $s ${ask})
      (if (local.get $s) (then ${refused}))
      (i32.store (call $owner (i32.load (i32.const 64))) (local.get 0))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const ${times}))))
    ${at === 'proxy_on_request_headers' || at === 'proxy_on_configure' ? '(i32.const 1)' : ''}`;
  const told = `(drop (call $set_effective_context (i32.load (call $owner (local.get 1)))))
    (if (i32.eqz (local.get 2)) (then ${reply('(i32.const 599)')} (return)))
    (drop (call $get_header_map_value (i32.const 6) (i32.const ${STATUS_NAME}) (i32.const 7) (i32.const 68) (i32.const 72)))
    (if (i32.eq (i32.and (i32.load (i32.load (i32.const 68))) (i32.const 0xffffff)) (i32.const 0x303032))
      (then (drop (call $continue_stream (i32.const 0))))
      (else (drop (call $get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 76) (i32.const 80)))
        ${reply('(i32.const 403)')}))`;
  const fields = [
    OWNER_OF,
    data(STATUS_NAME, Buffer.from(':status')),
    data(SERVICE, Buffer.from(service)),
    data(HEADERS, head),
    data(TRAILERS, trailing),
    data(BODY, Buffer.from(body)),
  ];
  return {
    callbacks: { [at]: asking, proxy_on_http_call_response: told, ...options.callbacks },
    fields: fields.join('\n'),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
  };
}
