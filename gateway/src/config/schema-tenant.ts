import { Type } from 'typebox';
import { LIMITS } from '../core/limits.ts';
import {
  AbsolutePath,
  Cidr,
  CookieName,
  Duration,
  HeaderName,
  HeaderValue,
  HostPort,
  Name,
  ParameterName,
  PluginUse,
  Port,
  ServiceName,
  strict,
  ValueMatch,
} from './schema-common.ts';

const Domain = Type.String({
  minLength: 1,
  maxLength: 253,
  expects: 'a host name such as app.example.com or "*.example.com"',
});

const PathMatch = Type.Object(
  {
    exact: Type.Optional(AbsolutePath),
    prefix: Type.Optional(AbsolutePath),
    template: Type.Optional(AbsolutePath),
    regex: Type.Optional(Type.String({ minLength: 1, description: 'regular expression for the whole path' })),
  },
  { ...strict, description: 'exactly one of exact, prefix, template (/a/{id}/{rest=**}), regex' },
);
export type PathMatch = Type.StaticDecode<typeof PathMatch>;

const conditions = {
  headers: Type.Optional(Type.Array(ValueMatch, { minItems: 1, maxItems: 16 })),
  query: Type.Optional(Type.Array(ValueMatch, { minItems: 1, maxItems: 16 })),
  cookies: Type.Optional(Type.Array(ValueMatch, { minItems: 1, maxItems: 16 })),
  clientIp: Type.Optional(Type.Array(Cidr, { minItems: 1, maxItems: 256 })),
};

const Match = Type.Object(
  {
    path: Type.Optional(PathMatch),
    methods: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z][A-Z-]{0,31}$', expects: 'a method in upper case such as GET' }), {
        minItems: 1,
      }),
    ),
    ...conditions,
  },
  strict,
);
export type MatchConfig = Type.StaticDecode<typeof Match>;

const StickyBy = Type.Object(
  {
    header: Type.Optional(HeaderName),
    query: Type.Optional(ParameterName),
    cookie: Type.Optional(CookieName),
    clientIp: Type.Optional(Type.Literal(true)),
    issue: Type.Optional(
      Type.Boolean({ description: 'with cookie: issue a random key for a year when there is none' }),
    ),
  },
  { ...strict, description: 'exactly one of header, query, cookie, clientIp' },
);
export type StickyByConfig = Type.StaticDecode<typeof StickyBy>;

const LaneRule = Type.Object(
  {
    ...conditions,
    percentage: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        description: 'share of the traffic that reaches this rule; two decimals',
      }),
    ),
    stickyBy: Type.Optional(StickyBy),
  },
  strict,
);
export type LaneRuleConfig = Type.StaticDecode<typeof LaneRule>;

const Lane = Type.Object(
  {
    name: Name,
    tag: Type.String({
      pattern: '^[A-Za-z0-9._-]{1,63}$',
      description: 'value of the tag header',
      expects: 'letters, digits and . _ -, 1 to 63 characters',
    }),
    enabled: Type.Boolean({ default: true, description: 'false silences the lane: the rollback' }),
    acceptTag: Type.Boolean({ default: false, description: 'a caller may choose this lane by the tag header' }),
    fallback: Type.Union([Type.Literal('baseline'), Type.Literal('reject')], {
      default: 'baseline',
      description: 'what happens when the lane has no usable endpoint',
    }),
    endpoints: Type.Optional(
      Type.Object(
        { metadata: Type.Record(Type.String(), Type.String()) },
        { ...strict, description: 'who belongs to it' },
      ),
    ),
    rules: Type.Array(LaneRule, { default: [], maxItems: 64 }),
  },
  strict,
);
export type LaneConfig = Type.StaticDecode<typeof Lane>;

const StaticEndpoint = Type.Object(
  {
    address: HostPort,
    weight: Type.Number({ default: 1, minimum: 0, maximum: 10_000 }),
    metadata: Type.Record(Type.String(), Type.String(), { default: {} }),
  },
  strict,
);

const Service = Type.Object(
  {
    registry: Type.Optional(Type.String({ minLength: 1 })),
    namespace: Type.Optional(Type.String({ minLength: 1 })),
    group: Type.Optional(Type.String({ minLength: 1 })),
    name: Type.Optional(ServiceName),
    static: Type.Optional(Type.Array(StaticEndpoint, { minItems: 1, maxItems: 10_000 })),
    scheme: Type.Union([Type.Literal('http'), Type.Literal('https')], { default: 'http' }),
    loadBalancer: Type.Union([Type.Literal('round-robin'), Type.Literal('p2c')], { default: 'round-robin' }),
  },
  strict,
);
export type ServiceConfig = Type.StaticDecode<typeof Service>;

const Rewrite = Type.Object(
  {
    stripPrefix: Type.Optional(AbsolutePath),
    replacePrefix: Type.Optional(AbsolutePath),
    path: Type.Optional(AbsolutePath),
    template: Type.Optional(AbsolutePath),
    regex: Type.Optional(Type.String({ minLength: 1 })),
    replacement: Type.Optional(Type.String({ maxLength: LIMITS.regexReplacementLength })),
    host: Type.Optional(Type.String({ minLength: 1, maxLength: 260 })),
  },
  { ...strict, description: 'at most one of stripPrefix, replacePrefix, path, template, regex+replacement; and host' },
);
export type RewriteConfig = Type.StaticDecode<typeof Rewrite>;

const Upstream = Type.Object(
  {
    service: Type.Optional(ServiceName),
    services: Type.Optional(
      Type.Array(
        Type.Object(
          { service: ServiceName, weight: Type.Integer({ default: 1, minimum: 0, maximum: 1_000_000 }) },
          strict,
        ),
        { minItems: 1, maxItems: 16 },
      ),
    ),
  },
  { ...strict, description: 'service, or services with weights' },
);

const Redirect = Type.Object(
  {
    scheme: Type.Optional(Type.Union([Type.Literal('http'), Type.Literal('https')])),
    host: Type.Optional(Type.String({ minLength: 1 })),
    port: Type.Optional(Port),
    path: Type.Optional(AbsolutePath),
    replacePrefix: Type.Optional(AbsolutePath),
    status: Type.Union(
      [Type.Literal(301), Type.Literal(302), Type.Literal(303), Type.Literal(307), Type.Literal(308)],
      { default: 302 },
    ),
  },
  strict,
);
export type RedirectConfig = Type.StaticDecode<typeof Redirect>;

const Respond = Type.Object(
  {
    status: Type.Integer({ default: 200, minimum: 200, maximum: 599 }),
    headers: Type.Record(HeaderName, HeaderValue, { default: {} }),
    body: Type.String({ default: '', maxLength: 65_536 }),
  },
  strict,
);
export type RespondConfig = Type.StaticDecode<typeof Respond>;

const RetryOn = Type.Union([
  Type.Literal('connect-failure'),
  Type.Literal('reset-before-response'),
  Type.Literal('try-timeout'),
  Type.Integer({ minimum: 500, maximum: 599 }),
]);
export type RetryOn = Type.StaticDecode<typeof RetryOn>;

const Route = Type.Object(
  {
    id: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$',
      expects: 'letters, digits and . _ -, 1 to 128 characters',
    }),
    hosts: Type.Optional(Type.Array(Domain, { minItems: 1, maxItems: 16 })),
    match: Type.Decode(
      Type.Union([Match, Type.Array(Match, { minItems: 1, maxItems: 64 })], { default: {} }),
      (match): MatchConfig[] => (Array.isArray(match) ? match : [match]),
    ),
    priority: Type.Integer({ default: 0, minimum: -1_000_000, maximum: 1_000_000 }),
    rewrite: Type.Optional(Rewrite),
    upstream: Type.Optional(Upstream),
    redirect: Type.Optional(Redirect),
    respond: Type.Optional(Respond),
    timeouts: Type.Object(
      {
        request: Duration({ default: '30s', description: 'the whole exchange up to the response head; 0s = no limit' }),
        perTry: Type.Optional(Duration({ description: 'one attempt up to the response head' })),
      },
      { ...strict, default: {} },
    ),
    retries: Type.Object(
      {
        attempts: Type.Integer({
          default: 1,
          minimum: 0,
          maximum: 10,
          description: 'further attempts after the first',
        }),
        on: Type.Array(RetryOn, { default: ['connect-failure'] }),
      },
      { ...strict, default: {} },
    ),
    plugins: Type.Array(PluginUse, { default: [] }),
  },
  { ...strict, description: 'exactly one of upstream, redirect, respond' },
);
export type RouteConfig = Type.StaticDecode<typeof Route>;

/** `tenants/<name>.yaml`: what a tenant team owns. */
export const TenantSchema = Type.Object(
  {
    tenant: Name,
    domains: Type.Array(Domain, { minItems: 1, maxItems: 1000 }),
    discovery: Type.Optional(
      Type.Object(
        {
          registry: Type.String({ minLength: 1 }),
          namespace: Type.String({ default: 'public', minLength: 1 }),
          group: Type.String({ default: 'DEFAULT_GROUP', minLength: 1 }),
        },
        { ...strict, description: 'where services are looked up that are not listed under services' },
      ),
    ),
    tagHeader: Type.String({
      default: 'x-mse-tag',
      pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
      description: 'header that carries the lane to the next hop',
      expects: 'an HTTP field name such as x-mse-tag',
    }),
    lanes: Type.Array(Lane, { default: [], maxItems: 32 }),
    plugins: Type.Array(PluginUse, { default: [], description: 'run for every route of the tenant' }),
    services: Type.Record(Type.String(), Service, { default: {} }),
    routes: Type.Array(Route, { default: [], maxItems: 10_000 }),
  },
  strict,
);
export type TenantConfig = Type.StaticDecode<typeof TenantSchema>;
