import { data, OWNER_OF, reply, serialised } from './callout.suite.ts';
import type { PluginText } from './wat.suite.ts';

export interface SpeakingGuest {
  /** Service of the gateway, as the guest names it; default `auth`. */
  readonly upstream?: string;
  /** Default `test.Echo`. */
  readonly service?: string;
  /** Default `Say`, of a stream `Chat`. */
  readonly method?: string;
  readonly metadata?: readonly string[];
  /** Of a unary call, and the first of a stream, if it is not empty; default `question`. */
  readonly message?: string;
  /** Bytes of the message in place of `message`, whatever they hold. */
  readonly messageLength?: number;
  /** A stream: it stays open for more messages. */
  readonly stream?: boolean;
  /** Milliseconds; default 5000. */
  readonly timeout?: number;
  /** How many calls one request makes; default 1. */
  readonly times?: number;
  /** Where it calls; default in the callback of the request head. */
  readonly at?: 'proxy_on_request_headers' | 'proxy_on_log' | 'proxy_on_tick' | 'proxy_on_configure';
  /** Further callbacks. */
  readonly callbacks?: Readonly<Record<string, string>>;
  readonly memory?: string;
  readonly marker?: string;
}

const UPSTREAM = 1024;
const SERVICE = 1152;
const METHOD = 1216;
const METADATA = 1280;
const MESSAGE = 4096;

/** `$speak`: makes the call, notes whose it is, and answers the status of the host call. */
function speak(guest: SpeakingGuest): { readonly code: string; readonly fields: string } {
  const { upstream = 'auth', service = 'test.Echo', stream = false, metadata = [], message = 'question' } = guest;
  const method = guest.method ?? (stream ? 'Chat' : 'Say');
  const map = metadata.length === 0 ? Buffer.alloc(0) : serialised(metadata);
  const length = guest.messageLength ?? message.length;
  const names = [
    [UPSTREAM, upstream.length],
    [SERVICE, service.length],
    [METHOD, method.length],
    [METADATA, map.length],
  ];
  const named = names.map(([at, size]) => `(i32.const ${at}) (i32.const ${size})`).join(' ');
  const sent = `(i32.const ${MESSAGE}) (i32.const ${length})`;
  const call = stream
    ? `(call $grpc_stream ${named} (i32.const 64))`
    : `(call $grpc_call ${named} ${sent} (i32.const ${guest.timeout ?? 5000}) (i32.const 64))`;
  const first = stream && length > 0 ? `(drop (call $grpc_send (i32.load (i32.const 64)) ${sent} (i32.const 0)))` : '';
  const code = `(func $speak (param i32) (result i32) (local $s i32)
    (local.set $s ${call})
    (if (local.get $s) (then (return (local.get $s))))
    (i32.store (call $owner (i32.load (i32.const 64))) (local.get 0)) ${first} (i32.const 0))`;
  const segments = [
    data(UPSTREAM, Buffer.from(upstream, 'latin1')),
    data(SERVICE, Buffer.from(service)),
    data(METHOD, Buffer.from(method)),
    data(METADATA, map),
    data(MESSAGE, Buffer.from(message)),
  ];
  return { code, fields: segments.join('\n') };
}

/** The exchange whose call a callback is about becomes the one that host calls act on. */
export const OWNER = '(drop (call $set_effective_context (i32.load (call $owner (local.get 1)))))';

/** What a message of a call says, at address and length 76 and 80. */
export const READ_MESSAGE =
  '(drop (call $get_buffer_bytes (i32.const 5) (i32.const 0) (i32.const 100000) (i32.const 76) (i32.const 80)))';

/** Sends the text at an address that a module field has put there. */
export const send = (at: number, length: number, end: boolean): string =>
  `(call $grpc_send (local.get 1) (i32.const ${at}) (i32.const ${length}) (i32.const ${end ? 1 : 0}))`;

/**
 * A guest that calls a service about each request and waits: a message that begins with `y` lets it pass, another one
 * refuses it with 403 and that message; a call that ends in another status with 500 and that status, and the words of
 * `proxy_get_status`; a host call that is refused with 550 and its status.
 */
export function speakingGuest(guest: SpeakingGuest = {}): PluginText {
  const at = guest.at ?? 'proxy_on_request_headers';
  const { code, fields } = speak(guest);
  const refused =
    at === 'proxy_on_request_headers'
      ? `${reply('(i32.add (i32.const 550) (local.get $s))')} (return (i32.const 1))`
      : '(unreachable)';
  const calling = `(local $s i32) (local $n i32)
    (loop $again
      (local.set $s (call $speak (local.get 0)))
      (if (local.get $s) (then ${refused}))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const ${guest.times ?? 1}))))
    ${at === 'proxy_on_request_headers' || at === 'proxy_on_configure' ? '(i32.const 1)' : ''}`;
  const receive = `${OWNER} ${READ_MESSAGE}
    (if (i32.eq (i32.load8_u (i32.load (i32.const 76))) (i32.const ${'y'.charCodeAt(0)}))
      (then (drop (call $continue_stream (i32.const 0))))
      (else ${reply('(i32.const 403)')}))`;
  const close = `(if (local.get 2) (then ${OWNER}
      (drop (call $get_status (i32.const 84) (i32.const 76) (i32.const 80)))
      ${reply('(i32.add (i32.const 500) (i32.load (i32.const 84)))')}))`;
  return {
    callbacks: { [at]: calling, proxy_on_grpc_receive: receive, proxy_on_grpc_close: close, ...guest.callbacks },
    fields: `${OWNER_OF} ${code} ${fields}`,
    ...(guest.memory === undefined ? {} : { memory: guest.memory }),
    ...(guest.marker === undefined ? {} : { marker: guest.marker }),
  };
}
