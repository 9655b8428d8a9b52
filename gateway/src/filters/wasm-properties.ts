import type { Exchange } from '../exchange/exchange.ts';
import type { PropertyValue } from '../wasm/host.ts';
import type { Destination } from './filter.ts';
import { connectionProperty, destinationProperty, sourceProperty, upstreamProperty } from './properties-connection.ts';
import { requestProperty, responseProperty } from './properties-message.ts';
import { map, textOrNull, utf8 } from './property-values.ts';

/** Envoy's name of what load balancers know about an endpoint. */
const ENDPOINT_NAMESPACE = 'envoy.lb';

/** `upstream_host_metadata.filter_metadata.envoy.lb[.KEY]`: what the registry says of the endpoint. */
function endpointMetadata(
  { endpointMetadata: metadata }: Destination,
  [kind, namespace, key]: readonly (string | undefined)[],
): PropertyValue | null {
  if (metadata === null || kind !== 'filter_metadata' || namespace !== ENDPOINT_NAMESPACE) return null;
  if (key === undefined) return map(Object.entries(metadata).flat().map(utf8));
  const name = Buffer.from(key, 'latin1').toString();
  return Object.hasOwn(metadata, name) ? utf8(metadata[name]!) : null;
}

/** What can be asked by a name alone; most of it under `xds`, too. */
function routeProperty(
  exchange: Exchange,
  destination: Destination,
  [name, ...rest]: readonly string[],
): PropertyValue | null {
  switch (name) {
    case 'route_name':
      return exchange.route;
    case 'cluster_name':
      return textOrNull(destination.clusterName);
    case 'upstream_host_metadata':
      return endpointMetadata(destination, rest);
    case 'virtual_host_name':
      return exchange.tenant;
    default:
      return null;
  }
}

function sluiceProperty(exchange: Exchange, name: string): PropertyValue | null {
  switch (name) {
    case 'tenant':
      return exchange.tenant;
    case 'lane':
      return exchange.lane;
    case 'trace_id':
      return exchange.trace?.traceId ?? null;
    case 'client_address':
      return exchange.clientAddress;
    default:
      return null;
  }
}

/**
 * An attribute of an exchange, encoded as Envoy does; null when there is none. It is made when it is asked for.
 * @param segments of its path
 */
export function exchangeProperty(
  exchange: Exchange,
  destination: Destination,
  segments: readonly string[],
): PropertyValue | null {
  const [area = '', name = '', argument] = segments;
  switch (area) {
    case 'request':
      return requestProperty(exchange, name, argument);
    case 'response':
      return responseProperty(exchange, name, argument);
    case 'connection':
      return connectionProperty(exchange, name);
    case 'source':
      return sourceProperty(exchange, name);
    case 'destination':
      return destinationProperty(exchange, name);
    case 'upstream':
      return upstreamProperty(exchange, destination, name);
    case 'sluice':
      return sluiceProperty(exchange, name);
    case 'xds':
      return routeProperty(exchange, destination, segments.slice(1));
    default:
      return area === 'virtual_host_name' ? null : routeProperty(exchange, destination, segments);
  }
}
