import { Value } from 'typebox/value';
import { type TenantConfig, TenantSchema } from '../config/schema-tenant.ts';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { ResponseSink } from '../exchange/sink.ts';
import { compileTenant, type TenantRoutes } from './compile.ts';

// What the tests of this folder make requests and configurations with.

const connection: Connection = {
  id: 1,
  listener: 'http',
  remoteAddress: '192.0.2.1',
  remotePort: 50_000,
  localAddress: '192.0.2.2',
  localPort: 8080,
  tls: false,
  serverName: '',
};

const sink: ResponseSink = {
  writer: null,
  informational() {},
  head() {},
  data: () => true,
  trailers() {},
  end() {},
  upgrade() {},
  reset() {},
};

export interface RequestOptions {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
  readonly tls?: boolean;
}

/** An exchange as it reaches routing: target in normal form, client address set. */
export function request(target: string, options: RequestOptions = {}): Exchange {
  const host = options.host ?? 'app.example.com';
  const headers = new PairHeaders(['Host', host, ...Object.entries(options.headers ?? {}).flat()]);
  const from = { ...connection, tls: options.tls ?? false };
  const x = new Exchange(from, 'HTTP/1.1', options.method ?? 'GET', target, host, headers, null, sink);
  x.clientAddress = options.address ?? '192.0.2.1';
  return x;
}

/** A tenant file with defaults filled in, as the loader hands it over. */
export function tenant(parts: Readonly<Record<string, unknown>>): TenantConfig {
  const raw = { tenant: 'home', domains: ['app.example.com', '*.example.com'], ...parts };
  return Value.Decode(TenantSchema, Value.Default(TenantSchema, raw));
}

/** Compiled routes; `to: name` is short for `upstream: { service: name }`, ids are numbered. */
export function routesOf(routes: readonly Readonly<Record<string, unknown>>[]): TenantRoutes {
  const complete = routes.map((route, index) => {
    const { to, ...rest } = route;
    return { id: `r${index}`, ...rest, ...(to === undefined ? {} : { upstream: { service: to } }) };
  });
  return compileTenant(tenant({ routes: complete }));
}

/** The service that a request is routed to, or null. */
export function serviceFor(routes: TenantRoutes, x: Exchange): string | null {
  return routes.match(x)?.route.split?.pick(0) ?? null;
}
