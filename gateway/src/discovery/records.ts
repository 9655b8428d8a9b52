import type { EndpointList, EndpointRecord } from '../core/endpoint.ts';

function compare(a: EndpointRecord, b: EndpointRecord): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  if (a.port !== b.port) return a.port - b.port;
  if (a.healthy !== b.healthy) return a.healthy ? -1 : 1;
  return a.cluster < b.cluster ? -1 : Number(a.cluster > b.cluster);
}

/**
 * A list in the one order that all sources use, each address:port once: registries answer in changing order, and two
 * entries of one socket are one endpoint (the healthy one stays).
 */
export function canonical(records: readonly EndpointRecord[]): EndpointRecord[] {
  const sorted = records.toSorted(compare);
  return sorted.filter((record, i) => {
    const previous = sorted[i - 1];
    return previous === undefined || previous.address !== record.address || previous.port !== record.port;
  });
}

function sameMetadata(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}

function sameRecords(a: EndpointRecord, b: EndpointRecord): boolean {
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.healthy === b.healthy &&
    a.cluster === b.cluster &&
    sameMetadata(a.metadata, b.metadata)
  );
}

/** Whether two canonical lists say the same in the same state. */
export function sameLists(a: EndpointList, b: EndpointList): boolean {
  if (a.state !== b.state || a.endpoints.length !== b.endpoints.length) return false;
  return a.endpoints === b.endpoints || a.endpoints.every((record, i) => sameRecords(record, b.endpoints[i]!));
}
