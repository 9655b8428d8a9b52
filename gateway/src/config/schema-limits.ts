import { Type } from 'typebox';
import { LIMITS } from '../core/limits.ts';
import { Duration, durationText, Size, sizeText, strict } from './schema-common.ts';

/** `listeners[].limits`: what a listener takes of its clients. Counts are those of each worker. */
export const ListenerLimits = Type.Object(
  {
    connections: Type.Integer({
      default: LIMITS.connectionsPerListener,
      minimum: 1,
      maximum: 1_000_000,
      description: 'open connections in each worker; further ones are closed at once',
    }),
    connectionsPerAddress: Type.Integer({
      default: LIMITS.connectionsPerAddress,
      minimum: 0,
      maximum: 1_000_000,
      description: 'of those, from one address; 0 = no bound',
    }),
    requestsPerConnection: Type.Integer({
      default: LIMITS.requestsPerConnection,
      minimum: 0,
      maximum: 1_000_000_000,
      description: 'the last of so many requests closes its connection; 0 = no bound',
    }),
    exchanges: Type.Integer({
      default: LIMITS.exchangesPerListener,
      minimum: 1,
      maximum: 1_000_000,
      description: 'concurrent exchanges in each worker; further ones get 503',
    }),
    headTimeout: Duration({
      default: durationText(LIMITS.headTimeoutMs),
      description: 'from the first byte of a request, or the start of its connection, to its whole head; else 408',
    }),
    idleTimeout: Duration({
      default: durationText(LIMITS.keepAliveTimeoutMs),
      description: 'between two requests of a connection, which is closed then',
    }),
    stallTimeout: Duration({
      default: durationText(LIMITS.clientIdleMs),
      description: 'a client that sends nothing more of its body (408), or takes nothing of its response (closed)',
    }),
    minBodyRate: Size({
      default: sizeText(LIMITS.bodyBytesPerSecond),
      description:
        'bytes a second that a client sends of its body at least, on average over stallTimeout; else 408. 0B = no bound',
    }),
    upgradeIdleTimeout: Duration({
      default: durationText(LIMITS.upgradeIdleMs),
      description: 'an upgraded connection (WebSocket) over which nothing goes either way, which is closed then',
    }),
    requestHead: Size({
      default: sizeText(LIMITS.requestHeadBytes),
      description: 'request line and headers; else 431',
    }),
    requestHeaders: Type.Integer({
      default: LIMITS.requestHeaderCount,
      minimum: 1,
      maximum: 10_000,
      description: 'number of header fields; else 431',
    }),
    requestTarget: Size({
      default: sizeText(LIMITS.requestTargetBytes),
      description: 'path and query; else 414',
    }),
    requestBody: Size({
      default: sizeText(LIMITS.requestBodyBytes),
      description: 'request body; else 413. Routes may lower it (maxBodySize)',
    }),
  },
  { ...strict, default: {} },
);
/** Times in milliseconds, sizes in bytes. */
export type ListenerLimits = Type.StaticDecode<typeof ListenerLimits>;

/** What the schema fills in, for listeners that no file describes. */
export const DEFAULT_LISTENER_LIMITS: ListenerLimits = {
  connections: LIMITS.connectionsPerListener,
  connectionsPerAddress: LIMITS.connectionsPerAddress,
  requestsPerConnection: LIMITS.requestsPerConnection,
  exchanges: LIMITS.exchangesPerListener,
  headTimeout: LIMITS.headTimeoutMs,
  idleTimeout: LIMITS.keepAliveTimeoutMs,
  stallTimeout: LIMITS.clientIdleMs,
  minBodyRate: LIMITS.bodyBytesPerSecond,
  upgradeIdleTimeout: LIMITS.upgradeIdleMs,
  requestHead: LIMITS.requestHeadBytes,
  requestHeaders: LIMITS.requestHeaderCount,
  requestTarget: LIMITS.requestTargetBytes,
  requestBody: LIMITS.requestBodyBytes,
};
