import { Type } from 'typebox';
import { LIMITS } from '../core/limits.ts';
import { described, Duration, durationText, Name, Size, sizeText, strict } from './schema-common.ts';

/** The counter of instructions has 31 bits; half of it is for what a body adds. */
const MOST_FUEL = 1_000_000_000;
const LEAST_FUEL = 1000;

function fuel(description: string, fallback?: number) {
  const bounds = { minimum: LEAST_FUEL, maximum: MOST_FUEL, description };
  return Type.Integer(fallback === undefined ? bounds : { ...bounds, default: fallback });
}

const Fuel = Type.Object(
  {
    request: fuel('instructions of one callback of an exchange, for those that are not named below', 5_000_000),
    requestHeaders: Type.Optional(fuel('of one callback for request headers or trailers; absent: as request')),
    requestBody: Type.Optional(fuel('of one callback for a request body, besides bodyByte; absent: as request')),
    responseHeaders: Type.Optional(fuel('of one callback for response headers or trailers; absent: as request')),
    responseBody: Type.Optional(fuel('of one callback for a response body, besides bodyByte; absent: as request')),
    bodyByte: Type.Integer({
      default: 20,
      minimum: 0,
      maximum: 1000,
      description: 'instructions that each byte of a body adds to the budget of the callbacks that see that body',
    }),
    callout: Type.Optional(
      fuel('of one callback that hears of an answer; absent: as request, and as tick without an exchange'),
    ),
    log: Type.Optional(fuel('of proxy_on_log; absent: as request')),
    tick: fuel('instructions of one tick, and of one wake-up by a queue', 10_000_000),
    configure: fuel('instructions of proxy_on_vm_start and of proxy_on_configure, each', 20_000_000),
    start: Type.Optional(
      fuel('of the start-up code of a module (start section, _initialize, _start), in all; absent: as configure'),
    ),
  },
  { ...strict, default: {} },
);

const Limits = Type.Object(
  {
    memory: Size({ default: '16MiB', description: 'linear memory of one instance' }),
    recycleMemory: Type.Optional(
      Size({
        description: 'linear memory from which on an instance is replaced by a new one; absent: 3/4 of memory',
      }),
    ),
    body: Size({
      default: sizeText(LIMITS.pluginBodyBytes),
      description: 'bytes of a body that it may hold for one exchange; else 413, for responses what onFailure says',
    }),
    pause: Duration({
      default: durationText(LIMITS.pluginPauseMs),
      description: 'how long it may hold an exchange; then onFailure says what happens',
    }),
    fuel: Fuel,
  },
  { ...strict, default: {} },
);

const HostCall = Type.String({
  pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}\\*?$',
  expects: 'the name of a host call such as proxy_http_call, or its beginning and *',
});
const PropertyPath = Type.String({
  pattern: '^[^\\s.]+(\\.[^\\s.]+)*$',
  maxLength: 256,
  expects: 'a property such as request.path, or what several begin with, such as request',
});

const HostCalls = Type.Object(
  {
    allow: Type.Optional(
      Type.Array(HostCall, { maxItems: 256, description: 'host calls that its module may import; absent: all' }),
    ),
    deny: Type.Array(HostCall, {
      default: [],
      maxItems: 256,
      description: 'host calls that its module may not import, even if allowed',
    }),
  },
  { ...strict, default: {} },
);

const Allow = Type.Object(
  {
    services: Type.Array(
      Type.String({
        pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$',
        expects: 'tenant/service',
      }),
      {
        default: [],
        description: "services it may call wherever it is used, as tenant/service, besides its tenant's own",
      },
    ),
    tenantServices: Type.Boolean({ default: true, description: 'it may call the services of the tenant that uses it' }),
    properties: Type.Optional(
      Type.Array(PropertyPath, {
        maxItems: 256,
        description:
          'properties it may read, each with all below it; absent: all but node.metadata and listener_metadata',
      }),
    ),
    foreignFunctions: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
        maxItems: 256,
        description: 'foreign functions it may call; absent: all',
      }),
    ),
    environment: Type.Record(Type.String(), Type.String({ maxLength: 32_768 }), {
      default: {},
      description: 'environment variables it sees, by name; it never sees those of the gateway',
    }),
    hostCalls: HostCalls,
    clock: Type.Union([Type.Literal('precise'), Type.Literal('coarse')], {
      default: 'precise',
      description: `coarse: the time it sees moves in steps of ${durationText(LIMITS.pluginCoarseClockMs)}`,
    }),
  },
  { ...strict, default: {} },
);
export type PluginAllow = Type.StaticDecode<typeof Allow>;

const Pull = Type.Object(
  {
    caFile: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "certificates (PEM) that vouch for the server, in place of those that the gateway's Node.js trusts",
      }),
    ),
    username: Type.Optional(
      Type.String({
        pattern: '^[^:\\x00-\\x1f]+$',
        description: 'who asks; absent: anybody',
        expects: 'a user name without ":"',
      }),
    ),
    password: Type.Optional(Type.String({ minLength: 1, description: 'give it as { secret: name } or ${VARIABLE}' })),
    timeout: Duration({
      default: durationText(LIMITS.pluginPullMs),
      description: 'how long one attempt may take, with all its requests',
    }),
    plainHttp: Type.Boolean({
      default: false,
      description: 'http in place of https; for loopback addresses only',
    }),
  },
  { ...strict, description: 'how a module with https: or oci: is fetched' },
);
/** How a module is fetched; undefined: with the defaults. */
export type PullConfig = Type.StaticDecode<typeof Pull>;

/** One plugin of the catalogue. */
export const Plugin = Type.Object(
  {
    name: described(Name, 'how chain and tenants name it under use'),
    source: Type.String({
      pattern: '^(file|https?|oci):.+',
      maxLength: 4096,
      description:
        'the module: file: and a path relative to gateway.yaml, https://host/path, or oci://host/repository:tag',
      expects: 'file: and the path of the module, https://host/path, or oci://host/repository:tag',
    }),
    sha256: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        description:
          'digest that the module must have; optional for file:, and where oci: names the digest of a manifest',
        expects: '64 hexadecimal digits in lower case',
      }),
    ),
    pull: Type.Optional(Pull),
    limits: Limits,
    allow: Allow,
  },
  strict,
);
export type PluginConfig = Type.StaticDecode<typeof Plugin>;
