import { Type } from 'typebox';
import { Cidr, Duration, HostPort, PluginUse, strict } from './schema-common.ts';
import { Overload } from './schema-overload.ts';
import { Plugin } from './schema-plugin.ts';
import { TenantsSection } from './schema-tenants-section.ts';
import { Listener } from './schema-listener.ts';

const NacosRegistry = Type.Object(
  {
    type: Type.Literal('nacos', { description: 'Nacos 2 or 3, over gRPC' }),
    servers: Type.Array(HostPort, {
      minItems: 1,
      maxItems: 16,
      description: 'Nacos servers with their HTTP port; the gRPC port is the HTTP port + grpcPortOffset',
    }),
    username: Type.Optional(Type.String({ description: 'empty: no login' })),
    password: Type.Optional(Type.String({ description: 'give it as { secret: name } or ${VARIABLE}' })),
    grpcPortOffset: Type.Integer({
      default: 1000,
      minimum: -65_535,
      maximum: 65_535,
      description: 'distance of the gRPC port from the HTTP port',
    }),
  },
  strict,
);
const FileRegistry = Type.Object(
  {
    type: Type.Literal('file', { description: 'a services file' }),
    path: Type.String({ minLength: 1, description: 'watched file of services' }),
  },
  strict,
);
export const Registry = Type.Union([NacosRegistry, FileRegistry]);
export type RegistryConfig = Type.StaticDecode<typeof Registry>;
export type NacosRegistryConfig = Type.StaticDecode<typeof NacosRegistry>;

/** `gateway.yaml`: what the operator owns. */
export const GatewaySchema = Type.Object(
  {
    apiVersion: Type.Literal('sluice/v1', { description: 'version of this format' }),
    listeners: Type.Array(Listener, { minItems: 1, maxItems: 64, description: 'where clients connect' }),
    workers: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 0, maximum: 64 })], {
      default: 'auto',
      description: 'threads that carry traffic; auto = one for each CPU; 0 = inline on the main thread, for tests',
    }),
    shutdown: Type.Object(
      {
        grace: Duration({
          default: '5s',
          description:
            'after SIGTERM the gateway is not ready and still serves for this long, so that balancers turn away',
        }),
        deadline: Duration({
          default: '30s',
          description: 'after the grace, exchanges get this long before their connections are cut',
        }),
      },
      { ...strict, default: {} },
    ),
    admin: Type.Object(
      {
        address: Type.String({ default: '127.0.0.1', description: 'IP address of the admin API' }),
        port: Type.Integer({ default: 9901, minimum: 0, maximum: 65_535, description: '0 = any free port' }),
      },
      { ...strict, default: {} },
    ),
    registries: Type.Record(Type.String(), Registry, { default: {}, description: 'where services are looked up' }),
    tenants: TenantsSection,
    overload: Overload,
    plugins: Type.Array(Plugin, { default: [], description: 'the catalogue that chain and tenants may use' }),
    chain: Type.Array(PluginUse, { default: [], description: 'plugins that run for every tenant' }),
    secrets: Type.Optional(
      Type.Object({ directory: Type.String({ minLength: 1, description: 'one file for each secret' }) }, strict),
    ),
    state: Type.Optional(
      Type.Object(
        {
          directory: Type.String({
            minLength: 1,
            description: 'where accepted tenants are kept, for restarts; of this gateway alone',
          }),
        },
        { ...strict, description: 'absent: nothing is kept' },
      ),
    ),
    trustedProxies: Type.Array(Cidr, { default: [], description: 'peers whose X-Forwarded-* headers are believed' }),
    accessLog: Type.Object(
      {
        path: Type.String({
          default: 'stdout',
          // In YAML of old, off was false.
          pattern: '^(?!(true|false)$).',
          description: 'stdout, off, or a file',
          expects: 'stdout, off, or the path of a file',
        }),
        format: Type.Literal('json', { default: 'json', description: 'one JSON object in a line' }),
      },
      { ...strict, default: {} },
    ),
  },
  strict,
);
export type GatewayConfig = Type.StaticDecode<typeof GatewaySchema>;
