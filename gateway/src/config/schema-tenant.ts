import { Type } from 'typebox';
import { LIMITS } from '../core/limits.ts';
import {
  AbsolutePath,
  Cidr,
  CookieName,
  described,
  Duration,
  HeaderName,
  HeaderValue,
  HostPort,
  Name,
  ParameterName,
  PluginUse,
  Port,
  ServiceName,
  Size,
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
    exact: Type.Optional(described(AbsolutePath, 'the whole path')),
    prefix: Type.Optional(described(AbsolutePath, 'whole segments: /a covers /a and /a/b, not /ab')),
    template: Type.Optional(described(AbsolutePath, '{id}: one segment, {rest=**}: all that follow, at the end only')),
    regex: Type.Optional(Type.String({ minLength: 1, description: 'regular expression for the whole path' })),
  },
  { ...strict, description: 'exactly one of exact, prefix, template, regex; absent: any path' },
);
export type PathMatch = Type.StaticDecode<typeof PathMatch>;

const conditions = {
  headers: Type.Optional(Type.Array(ValueMatch, { minItems: 1, maxItems: 16, description: 'all must hold' })),
  query: Type.Optional(Type.Array(ValueMatch, { minItems: 1, maxItems: 16, description: 'all must hold' })),
  cookies: Type.Optional(Type.Array(ValueMatch, { minItems: 1, maxItems: 16, description: 'all must hold' })),
  clientIp: Type.Optional(
    Type.Array(Cidr, { minItems: 1, maxItems: 256, description: 'the caller is in one of these networks' }),
  ),
};

const Match = Type.Object(
  {
    path: Type.Optional(PathMatch),
    methods: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z][A-Z-]{0,31}$', expects: 'a method in upper case such as GET' }), {
        minItems: 1,
        description: 'one of these; absent: any',
      }),
    ),
    ...conditions,
  },
  strict,
);
export type MatchConfig = Type.StaticDecode<typeof Match>;

const StickyBy = Type.Object(
  {
    header: Type.Optional(described(HeaderName, 'the key is the value of this header')),
    query: Type.Optional(described(ParameterName, 'of this query parameter')),
    cookie: Type.Optional(described(CookieName, 'of this cookie')),
    clientIp: Type.Optional(Type.Literal(true, { description: "the caller's address" })),
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
    name: described(Name, 'how logs and metrics call it, and the salt of its percentages'),
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
        {
          metadata: Type.Record(Type.String(), Type.String(), {
            description: 'endpoints with all these pairs belong to the lane, besides those with the standard keys',
          }),
        },
        strict,
      ),
    ),
    rules: Type.Array(LaneRule, { default: [], maxItems: 64, description: 'the first that matches wins' }),
  },
  strict,
);
export type LaneConfig = Type.StaticDecode<typeof Lane>;

const StaticEndpoint = Type.Object(
  {
    address: described(HostPort, 'host:port; the host may be a name'),
    weight: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 10_000,
      description: 'share of traffic relative to the others; 0: gets none',
    }),
    metadata: Type.Record(Type.String(), Type.String(), { default: {}, description: 'decides which lanes it serves' }),
  },
  strict,
);

const Service = Type.Object(
  {
    registry: Type.Optional(Type.String({ minLength: 1, description: "in place of the tenant's discovery.registry" })),
    namespace: Type.Optional(Type.String({ minLength: 1, description: 'in place of discovery.namespace' })),
    group: Type.Optional(Type.String({ minLength: 1, description: 'in place of discovery.group' })),
    name: Type.Optional(described(ServiceName, 'its name in the registry; absent: the key itself')),
    static: Type.Optional(
      Type.Array(StaticEndpoint, {
        minItems: 1,
        maxItems: 10_000,
        description: 'its endpoints, in place of a registry',
      }),
    ),
    dns: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        expects: 'a host name such as api.example.com, or a name of SRV records such as _http._tcp.example.com',
        description: 'in place of a registry: its A and AAAA records with port, its SRV records without',
      }),
    ),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'with dns: port of every address' })),
    scheme: Type.Union([Type.Literal('http'), Type.Literal('https')], {
      default: 'http',
      description: 'an endpoint with metadata secure=true gets https in any case',
    }),
    loadBalancer: Type.Union([Type.Literal('round-robin'), Type.Literal('p2c')], {
      default: 'round-robin',
      description: 'round-robin: smooth, by weight; p2c: the less busy of two picked at random by weight',
    }),
  },
  strict,
);
export type ServiceConfig = Type.StaticDecode<typeof Service>;

const Rewrite = Type.Object(
  {
    stripPrefix: Type.Optional(described(AbsolutePath, 'this prefix goes; a path without it stays')),
    replacePrefix: Type.Optional(described(AbsolutePath, 'stands where the matched prefix was')),
    path: Type.Optional(described(AbsolutePath, 'the whole new path')),
    template: Type.Optional(described(AbsolutePath, 'new path with the variables of match.path.template')),
    regex: Type.Optional(Type.String({ minLength: 1, description: 'every match in the path is replaced' })),
    replacement: Type.Optional(
      Type.String({ maxLength: LIMITS.regexReplacementLength, description: '$1 … for groups, $& for the match' }),
    ),
    host: Type.Optional(
      Type.String({ minLength: 1, maxLength: 260, description: "Host that the service sees; absent: the caller's" }),
    ),
  },
  { ...strict, description: 'at most one of stripPrefix, replacePrefix, path, template, regex+replacement; and host' },
);
export type RewriteConfig = Type.StaticDecode<typeof Rewrite>;

const Upstream = Type.Object(
  {
    service: Type.Optional(described(ServiceName, 'a key of services, or a name in discovery')),
    services: Type.Optional(
      Type.Array(
        Type.Object(
          {
            service: described(ServiceName, 'as above'),
            weight: Type.Integer({ default: 1, minimum: 0, maximum: 1_000_000, description: 'share of the requests' }),
          },
          strict,
        ),
        { minItems: 1, maxItems: 16, description: 'one for each request, at random by weight' },
      ),
    ),
  },
  { ...strict, description: 'service, or services with weights' },
);

const Redirect = Type.Object(
  {
    scheme: Type.Optional(
      Type.Union([Type.Literal('http'), Type.Literal('https')], { description: "absent: the request's" }),
    ),
    host: Type.Optional(Type.String({ minLength: 1, description: "without port; absent: the request's" })),
    port: Type.Optional(described(Port, "absent: the scheme's own if scheme is given, else the request's")),
    path: Type.Optional(described(AbsolutePath, 'the whole new path')),
    replacePrefix: Type.Optional(described(AbsolutePath, 'stands where the matched prefix was')),
    status: Type.Union(
      [Type.Literal(301), Type.Literal(302), Type.Literal(303), Type.Literal(307), Type.Literal(308)],
      { default: 302, description: 'status of the answer' },
    ),
  },
  strict,
);
export type RedirectConfig = Type.StaticDecode<typeof Redirect>;

const Respond = Type.Object(
  {
    status: Type.Integer({ default: 200, minimum: 200, maximum: 599, description: 'status of the answer' }),
    headers: Type.Record(HeaderName, HeaderValue, { default: {}, description: 'headers of the answer' }),
    body: Type.String({ default: '', maxLength: 65_536, description: 'text/plain unless headers say otherwise' }),
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

const UpgradeProtocol = Type.String({
  pattern: "^(?!h2c$)[!#$%&'*+.^_`|~0-9a-z-]{1,32}(?:/[!#$%&'*+.^_`|~0-9a-z-]{1,16})?$",
  expects: 'a protocol name in lower case such as websocket; not h2c, which the gateway does not pass on',
});

const Route = Type.Object(
  {
    id: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$',
      expects: 'letters, digits and . _ -, 1 to 128 characters',
      description: 'unique within the tenant; label in logs and metrics',
    }),
    hosts: Type.Optional(
      Type.Array(Domain, {
        minItems: 1,
        maxItems: 16,
        description: "within the tenant's domains; absent: all of them",
      }),
    ),
    match: Type.Decode(
      Type.Union([Match, Type.Array(Match, { minItems: 1, maxItems: 64 })], {
        default: {},
        description: 'alternatives, any of which may hold; within one all must; absent: every request',
      }),
      (match): MatchConfig[] => (Array.isArray(match) ? match : [match]),
    ),
    priority: Type.Integer({
      default: 0,
      minimum: -1_000_000,
      maximum: 1_000_000,
      description: 'higher is tried first, before any other order',
    }),
    rewrite: Type.Optional(Rewrite),
    upstream: Type.Optional(Upstream),
    redirect: Type.Optional(Redirect),
    respond: Type.Optional(Respond),
    maxBodySize: Type.Optional(
      Size({ description: "largest request body; else 413. Can only lower the listener's limits.requestBody" }),
    ),
    upgrades: Type.Array(UpgradeProtocol, {
      default: ['websocket'],
      maxItems: 8,
      description: 'protocols that clients may switch to (Upgrade), with the service behind; []: none',
    }),
    timeouts: Type.Object(
      {
        request: Duration({
          default: '30s',
          description: 'from the complete request to the response head, over all attempts; 0s = no limit',
        }),
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
        on: Type.Array(RetryOn, {
          default: ['connect-failure', 'reset-before-response'],
          description: 'all but connect-failure for idempotent methods only',
        }),
      },
      { ...strict, default: {} },
    ),
    plugins: Type.Array(PluginUse, { default: [], description: "run after the gateway's and the tenant's" }),
  },
  { ...strict, description: 'exactly one of upstream, redirect, respond' },
);
export type RouteConfig = Type.StaticDecode<typeof Route>;

/** `tenants/<name>.yaml`: what a tenant team owns. */
export const TenantSchema = Type.Object(
  {
    tenant: described(Name, 'name; unique among all files'),
    domains: Type.Array(Domain, {
      minItems: 1,
      maxItems: 1000,
      description: 'hosts that belong to this tenant alone, exact or *.wildcard',
    }),
    discovery: Type.Optional(
      Type.Object(
        {
          registry: Type.String({ minLength: 1, description: 'a key of registries in gateway.yaml' }),
          namespace: Type.String({ default: 'public', minLength: 1, description: 'id of the namespace in Nacos' }),
          group: Type.String({ default: 'DEFAULT_GROUP', minLength: 1, description: 'group in Nacos' }),
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
    lanes: Type.Array(Lane, { default: [], maxItems: 32, description: 'release lanes besides baseline' }),
    plugins: Type.Array(PluginUse, { default: [], description: 'run for every route of the tenant' }),
    services: Type.Record(Type.String(), Service, { default: {}, description: 'by the name that routes use' }),
    routes: Type.Array(Route, { default: [], maxItems: 10_000, description: 'what is served' }),
  },
  strict,
);
export type TenantConfig = Type.StaticDecode<typeof TenantSchema>;
