import { formatAddress } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { BASELINE } from '../core/metrics.ts';
import type { Connection, Exchange } from '../exchange/exchange.ts';
import { jsonText } from './json-text.ts';
import { isTransportError, responseCodeDetails, responseFlags } from './response-flags.ts';

/** Fields of a line in their order. `docs/access-log.md` explains them; a test compares. */
export const ACCESS_LOG_FIELDS: readonly string[] = [
  'start_time',
  'method',
  'path',
  'authority',
  'protocol',
  'response_code',
  'response_flags',
  'response_code_details',
  'duration',
  'bytes_received',
  'bytes_sent',
  'tenant',
  'route_name',
  'lane',
  'lane_rule',
  'lane_fallback',
  'upstream_cluster',
  'upstream_host',
  'upstream_service_time',
  'upstream_request_attempt_count',
  'upstream_transport_failure_reason',
  'plugin_time_us',
  'plugin_failures',
  'trace_id',
  'sw8_trace_id',
  'request_id',
  'downstream_remote_address',
  'downstream_local_address',
  'client_address',
  'requested_server_name',
  'user_agent',
  'x_forwarded_for',
  'snapshot_version',
];

/** Fields that plugins add by setting properties of these names, behind all others. */
export const PLUGIN_FIELDS: readonly string[] = ['custom_log', 'ai_log'];

/**
 * Query parameters that usually carry a credential; their values are not logged. An API key in the query is what
 * key-auth plugins accept.
 */
const SECRET_PARAMETER =
  /([?&](?:[a-z0-9_.-]*(?:key|token|secret|password|passwd|signature|credential|authorization)|pwd|sig|auth|jwt)=)[^&#]*/gi;

/**
 * One exchange as a line of JSON with its newline. Every text is escaped and capped, so that no request can forge a
 * field or a line.
 * @param now performance.now() at the end of the exchange.
 */
export function formatLine(exchange: Exchange, now: number): string {
  const connection = exchange.connection;
  const headers = exchange.requestHeaders;
  return (
    `{"start_time":"${isoTime(exchange.startTime)}","method":"${text(exchange.method)}"` +
    `,"path":"${text(loggedTarget(exchange.originalTarget))}","authority":"${text(exchange.authority)}"` +
    `,"protocol":"${known(exchange.protocol)}","response_code":${exchange.status}` +
    `,"response_flags":"${responseFlags(exchange.error)}","response_code_details":"${codeDetails(exchange)}"` +
    `,"duration":${milliseconds(now - exchange.startedAt)},"bytes_received":${exchange.bytesReceived}` +
    `,"bytes_sent":${exchange.bytesSent},"tenant":"${known(exchange.tenant)}","route_name":"${known(exchange.route)}"` +
    `,"lane":"${known(laneName(exchange))}","lane_rule":"${known(exchange.laneRule)}","lane_fallback":${exchange.laneFallback}` +
    `,"upstream_cluster":"${known(exchange.service)}","upstream_host":"${known(exchange.upstreamAddress)}"` +
    `,"upstream_service_time":${exchange.upstreamMs < 0 ? 'null' : milliseconds(exchange.upstreamMs)}` +
    `,"upstream_request_attempt_count":${exchange.attempts}` +
    `,"upstream_transport_failure_reason":"${transportFailure(exchange.error)}"` +
    `,"plugin_time_us":${Math.round(exchange.pluginTimeUs)},"plugin_failures":"${known(exchange.pluginFailures)}"` +
    `,"trace_id":"${exchange.trace?.traceId ?? ''}"` +
    `,"sw8_trace_id":"${text(exchange.trace?.sw8TraceId ?? '')}","request_id":"${requestId(exchange)}"` +
    (connection.logPart ?? connectionPart(connection)) +
    `,"client_address":"${text(exchange.clientAddress)}","requested_server_name":"${text(connection.serverName)}"` +
    `,"user_agent":"${header(headers.get('user-agent'))}"` +
    `,"x_forwarded_for":"${header(headers.get('x-forwarded-for'))}","snapshot_version":${exchange.snapshotVersion}` +
    `${pluginFields(exchange)}}\n`
  );
}

function text(value: string): string {
  return value === '' ? '' : jsonText(value, LIMITS.accessLogValueBytes);
}

/** What lines say of a connection, made once for all its exchanges. */
function connectionPart(connection: Connection): string {
  const remote = formatAddress(connection.remoteAddress, connection.remotePort);
  const local = formatAddress(connection.localAddress, connection.localPort);
  const part = `,"downstream_remote_address":"${text(remote)}","downstream_local_address":"${text(local)}"`;
  connection.logPart = part;
  return part;
}

/** Names of the configuration and addresses of endpoints, as lines say them: the same few thousand for ever. */
const knownTexts = new Map<string, string>();
const MOST_KNOWN = 4096;

/** `text` for values that come back. */
function known(value: string): string {
  const before = knownTexts.get(value);
  if (before !== undefined) return before;
  if (knownTexts.size >= MOST_KNOWN) knownTexts.clear();
  const made = text(value);
  knownTexts.set(value, made);
  return made;
}

function header(value: string | undefined): string {
  return value === undefined ? '' : jsonText(value, LIMITS.accessLogValueBytes);
}

/** The target as the client sent it, without the values of parameters that name a secret. */
export function loggedTarget(target: string): string {
  return target.includes('?') ? target.replace(SECRET_PARAMETER, '$1***') : target;
}

/** '' for an exchange that reached no route, because nobody chose a lane for it. */
function laneName(exchange: Exchange): string {
  return exchange.lane === '' && exchange.route !== '' ? BASELINE : exchange.lane;
}

function codeDetails(exchange: Exchange): string {
  const words = responseCodeDetails(exchange);
  return exchange.details === '' ? words : text(words);
}

/** What plugins have to say in the log, by the names that Higress gave it; nothing for most exchanges. */
function pluginFields({ properties, gatewayProperties }: Exchange): string {
  if (properties === null && gatewayProperties === null) return '';
  let fields = '';
  for (const name of PLUGIN_FIELDS) {
    const value = gatewayProperties?.get(name) ?? properties?.get(name);
    if (value !== undefined) fields += `,"${name}":"${text(Buffer.from(value).toString('utf8'))}"`;
  }
  return fields;
}

/** A plugin may give the exchange another one than its header. */
function requestId({ properties, gatewayProperties, requestHeaders }: Exchange): string {
  const value =
    properties === null && gatewayProperties === null
      ? undefined
      : (gatewayProperties?.get('x_request_id') ?? properties?.get('x_request_id'));
  return header(value === undefined ? requestHeaders.get('x-request-id') : Buffer.from(value).toString('utf8'));
}

function transportFailure(error: ErrorCode | null): string {
  return error !== null && isTransportError(error) ? error : '';
}

/** Milliseconds with three decimals. Made of two integers, which print several times faster than a fraction. */
function milliseconds(value: number): string {
  const microseconds = Math.max(0, Math.round(value * 1000));
  const whole = Math.floor(microseconds / 1000);
  return `${whole}.${THOUSANDTHS[microseconds - whole * 1000]!}`;
}

const THOUSANDTHS: readonly string[] = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));

let isoSecond = Number.NaN;
let isoPrefix = '';

/** ISO 8601 in UTC with milliseconds; the part up to the second is kept from call to call. */
function isoTime(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== isoSecond) {
    isoSecond = second;
    isoPrefix = new Date(second * 1000).toISOString().slice(0, 20);
  }
  return `${isoPrefix}${THOUSANDTHS[Math.floor(epochMs - second * 1000)]!}Z`;
}
