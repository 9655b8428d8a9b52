import type { EndpointRecord } from '../../core/endpoint.ts';
import { GatewayError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { canonical } from '../records.ts';

/** A JSON object from the wire; nothing about its fields is known yet. */
export type Json = Readonly<Record<string, unknown>>;

/** Error codes of Nacos that the client acts on. */
export const NACOS_CODE = { starting: 300, unregistered: 301, unauthenticated: 401, forbidden: 403 } as const;

/** A request that a Nacos server refused or did not answer. `nacosCode` is the server's word, 0 where it said none. */
export class NacosError extends GatewayError {
  readonly nacosCode: number;

  constructor(detail: string, nacosCode = 0, options?: ErrorOptions) {
    super('SLUICE_DISCOVERY_FAILED', detail, options);
    this.name = 'NacosError';
    this.nacosCode = nacosCode;
  }
}

/** One line about a failure, without the table's remedy; for status fields and logs. */
export function reasonOf(error: unknown): string {
  if (error instanceof GatewayError) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that should be a string; '' when it is not. */
export function textOf(json: Json, name: string): string {
  const value = json[name];
  return typeof value === 'string' ? value : '';
}

/** A field that should be a number; `otherwise` when it is not. */
export function numberOf(json: Json, name: string, otherwise: number): number {
  const value = json[name];
  return typeof value === 'number' ? value : otherwise;
}

/** What a server says about one service at one moment: always the whole list. */
export interface ServiceInfo {
  readonly name: string;
  readonly group: string;
  /** Server's time of the list in epoch milliseconds; comparable within one connection only. */
  readonly lastRefTime: number;
  readonly protectThreshold: boolean;
  readonly endpoints: readonly EndpointRecord[];
  /** Instances left out because they have no usable address, port or weight. */
  readonly refused: number;
}

function metadataOf(value: unknown): Record<string, string> {
  if (!isJson(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function readInstance(host: unknown): EndpointRecord | null {
  if (!isJson(host)) return null;
  const address = textOf(host, 'ip').trim();
  const port = numberOf(host, 'port', 0);
  const weight = numberOf(host, 'weight', 1);
  if (address === '' || !Number.isInteger(port) || port < 1 || port > 65_535 || !Number.isFinite(weight)) return null;
  return {
    address,
    port,
    // Servers clamp what they store, but a list may come from one that does not; below 0 means no traffic.
    weight: Math.max(0, weight),
    healthy: host['healthy'] !== false,
    cluster: textOf(host, 'clusterName'),
    metadata: metadataOf(host['metadata']),
  };
}

/** Key of a service on one connection, whose namespace is fixed. */
export function groupedName(group: string, name: string): string {
  return `${group}@@${name}`;
}

/**
 * Reads `serviceInfo` of an answer or push. Disabled instances are left out: the Java server does not send them, others
 * may.
 * @throws NacosError when there is no usable list, or one beyond `LIMITS.endpointsPerService`.
 */
export function readServiceInfo(value: unknown): ServiceInfo {
  if (!isJson(value)) throw new NacosError('the server sent no serviceInfo');
  const grouped = textOf(value, 'name');
  const at = grouped.indexOf('@@');
  const name = at < 0 ? grouped : grouped.slice(at + 2);
  const group = at < 0 ? textOf(value, 'groupName') : grouped.slice(0, at);
  // A list that is missing is a broken answer, not an empty service: acting on it would take the service down.
  const hosts = value['hosts'];
  if (!Array.isArray(hosts)) throw new NacosError(`service ${groupedName(group, name)}: the server sent no hosts`);
  if (hosts.length > LIMITS.endpointsPerService) {
    const counts = `${hosts.length} instances, more than ${LIMITS.endpointsPerService}`;
    throw new NacosError(`service ${groupedName(group, name)} has ${counts}`);
  }
  const enabled = hosts.filter((host: unknown) => !isJson(host) || host['enabled'] !== false);
  const records = enabled.map(readInstance).filter((record) => record !== null);
  return {
    name,
    group,
    lastRefTime: numberOf(value, 'lastRefTime', 0),
    protectThreshold: value['reachProtectionThreshold'] === true,
    endpoints: canonical(records),
    refused: enabled.length - records.length,
  };
}
