import { EnvoySubject } from './envoy.ts';
import { GatewaySubject } from './gateway.ts';
import { nginx } from './nginx.ts';
import { caddy, direct, fastifyHttpProxy, floor, haproxy } from './peers.ts';
import { springCloudGateway } from './spring-cloud-gateway.ts';
import type { Subject } from './subject.ts';

/** In the order in which they take turns. */
export const SUBJECTS: readonly Subject[] = [
  new GatewaySubject('gateway'),
  new GatewaySubject('gateway-one-route', 0, true),
  new GatewaySubject('gateway+plugin', 1),
  new GatewaySubject('gateway+5-plugins', 5),
  new GatewaySubject('gateway+10-plugins', 10),
  nginx,
  haproxy,
  new EnvoySubject('envoy'),
  new EnvoySubject('envoy+plugin', 1),
  new EnvoySubject('envoy+5-plugins', 5),
  new EnvoySubject('envoy+10-plugins', 10),
  caddy,
  springCloudGateway,
  fastifyHttpProxy,
  floor,
  direct,
];

/** What the others are compared with in ratios, where they take part. */
export const REFERENCES = [
  'nginx',
  'direct',
  'floor',
  'gateway',
  'gateway-one-route',
  'envoy',
  'fastify-http-proxy',
  'spring-cloud-gateway',
];
