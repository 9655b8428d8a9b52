import { hash, randomFillSync } from 'node:crypto';
import { LIMITS } from './limits.ts';

/** Trace identity of one exchange: W3C Trace Context and, when the caller speaks SkyWalking, sw8. */
export interface TraceContext {
  /** 32 lower-case hex digits; in the access log, error bodies and plugin properties. */
  readonly traceId: string;
  /** 16 lower-case hex digits: the gateway's own span. */
  readonly spanId: string;
  /** Parent span of the caller (16 hex digits), or ''. */
  readonly parentId: string;
  /** The caller's word; true for a trace that starts here, because a false would silence every service behind. */
  readonly sampled: boolean;
  /** The caller's `tracestate`, checked and bounded, or ''. */
  readonly tracestate: string;
  /** SkyWalking's trace id as the caller sent it, decoded; '' when no valid sw8 came. */
  readonly sw8TraceId: string;
  /** The sample flag of the caller's sw8; equal to `sampled` when none came. */
  readonly sw8Sampled: boolean;
}

/** Length of a traceparent of version 00; later versions may be longer. */
const TRACEPARENT_LENGTH = 55;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/** One list member of tracestate: key, '=', value (W3C Trace Context §3.3.1.3); values may not end in a space. */
const TRACESTATE_MEMBER = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;
const TRACESTATE_MEMBERS = 32;

/** Longest sw8 that is read: ids of 100, service and instance of 50, endpoint of 150 characters, all in base64, twice over. */
const SW8_LENGTH = 2048;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Ids of SkyWalking agents are hex, digits, dots and dashes; anything printable passes, spaces and controls do not. */
const SW8_ID = /^[!-~]{1,128}$/;
const SW8_SPAN = /^\d{1,9}$/;
const HEX_ID = /^[0-9a-f]{32}$/;

/** Random bytes are drawn and written out in blocks: one call into the system's generator serves about 170 exchanges. */
const pool = Buffer.alloc(4096);
let poolDigits = '';
let poolAt = 0;

function randomHex(digits: number): string {
  if (poolAt + digits > poolDigits.length) {
    poolDigits = randomFillSync(pool).toString('hex');
    poolAt = 0;
  }
  const from = poolAt;
  poolAt += digits;
  return poolDigits.slice(from, poolAt);
}

/**
 * Continues the caller's trace, or starts one. Header values are taken as received; several `tracestate` fields joined
 * with ','. Whatever is malformed counts as absent, and a malformed `traceparent` takes its `tracestate` with it.
 * With sw8 alone the W3C trace id is derived from SkyWalking's (see `traceIdFromSw8`), equal on every replica.
 */
export function startTrace(
  traceparent: string | undefined,
  tracestate: string | undefined,
  sw8: string | undefined,
): TraceContext {
  const parent = traceparent === undefined ? null : parseTraceparent(traceparent);
  const skywalking = sw8 === undefined ? null : parseSw8(sw8);
  const spanId = randomHex(16);
  const sampled = parent?.sampled ?? skywalking?.sampled ?? true;
  return {
    traceId: parent?.traceId ?? (skywalking === null ? randomHex(32) : traceIdFromSw8(skywalking.traceId)),
    spanId,
    parentId: parent?.parentId ?? '',
    sampled,
    tracestate: parent === null || tracestate === undefined ? '' : checkedTracestate(tracestate),
    sw8TraceId: skywalking?.traceId ?? '',
    sw8Sampled: skywalking?.sampled ?? sampled,
  };
}

/** Value of `traceparent` for the next hop: this trace, the gateway's span as parent. */
export function traceparentOf(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}

/**
 * A text as it stands in sw8. For parts that stay the same, such as a route's id or an endpoint's address: encode once,
 * when they are built.
 */
export function sw8Part(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

const SW8_SERVICE = sw8Part('sluice');

/**
 * Value of `sw8` for the next hop, with the gateway as parent: SkyWalking's own trace id where the caller sent one, else
 * the W3C trace id, so that both worlds show the same. The segment id is made of trace and span id.
 * @param operation what the gateway did (the route), through `sw8Part`; never ''.
 * @param address whom it calls, as `ip:port`, through `sw8Part`; never ''.
 * @param instance name of this replica, through `sw8Part`; never ''.
 */
export function sw8Of(trace: TraceContext, operation: string, address: string, instance: string): string {
  const id = trace.sw8TraceId === '' ? trace.traceId : trace.sw8TraceId;
  const flag = trace.sw8Sampled ? '1' : '0';
  const segment = btoa(`${trace.traceId}.${trace.spanId}`);
  return `${flag}-${btoa(id)}-${segment}-0-${SW8_SERVICE}-${instance}-${operation}-${address}`;
}

interface Traceparent {
  readonly traceId: string;
  readonly parentId: string;
  readonly sampled: boolean;
}

/** Versions after 00 may carry more after the flags; what is known of them is read (W3C Trace Context §4.3). */
function parseTraceparent(value: string): Traceparent | null {
  if (value.length < TRACEPARENT_LENGTH || value.length > LIMITS.tracestateBytes) return null;
  const match = TRACEPARENT.exec(value);
  if (match === null) return null;
  const version = match[1]!;
  if (version === 'ff' || (version === '00' && value.length !== TRACEPARENT_LENGTH)) return null;
  const traceId = match[2]!;
  const parentId = match[3]!;
  if (traceId === ZERO_TRACE || parentId === ZERO_SPAN) return null;
  return { traceId, parentId, sampled: (Number.parseInt(match[4]!, 16) & 1) === 1 };
}

/** The list without empty members and outer spaces; '' when a member is malformed, repeated or too many. */
function checkedTracestate(value: string): string {
  if (value.length > LIMITS.tracestateBytes) return '';
  const members: string[] = [];
  const keys = new Set<string>();
  for (const part of value.split(',')) {
    const member = part.trim();
    if (member === '') continue;
    const key = member.slice(0, member.indexOf('='));
    if (!TRACESTATE_MEMBER.test(member) || keys.has(key) || members.length === TRACESTATE_MEMBERS) return '';
    keys.add(key);
    members.push(member);
  }
  return members.join(',');
}

interface Sw8 {
  readonly traceId: string;
  readonly sampled: boolean;
}

/** sw8 version 3: `sample-traceId-segmentId-spanId-service-instance-endpoint-address`, six of them in base64. */
function parseSw8(value: string): Sw8 | null {
  if (value.length > SW8_LENGTH) return null;
  const parts = value.split('-');
  if (parts.length !== 8) return null;
  const sample = parts[0]!;
  if (sample !== '0' && sample !== '1') return null;
  if (!SW8_SPAN.test(parts[3]!)) return null;
  for (let i = 1; i < parts.length; i++) {
    if (i !== 3 && (parts[i] === '' || !BASE64.test(parts[i]!))) return null;
  }
  const traceId = Buffer.from(parts[1]!, 'base64').toString('latin1');
  return SW8_ID.test(traceId) ? { traceId, sampled: sample === '1' } : null;
}

/**
 * W3C trace id for a SkyWalking trace id: the id itself where it is 32 hex digits (with or without a UUID's dashes),
 * else the first 32 hex digits of its SHA-256, which any shell can compute.
 */
export function traceIdFromSw8(id: string): string {
  const plain = id.replaceAll('-', '').toLowerCase();
  if (HEX_ID.test(plain) && plain !== ZERO_TRACE) return plain;
  return hash('sha256', id, 'hex').slice(0, 32);
}
