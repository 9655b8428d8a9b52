import { Type } from 'typebox';
import { LIMITS } from '../core/limits.ts';
import { Size, sizeText, strict } from './schema-common.ts';

const MAX_ROUTES = 10_000;
const MAX_REGEXES = 10_000;
const MAX_PLUGINS = 1_000;
const MAX_QUOTA = 1_000_000;
const MAX_CPU = 1_000_000_000_000;

/** `tenants.limits`: what each tenant may take, unless `tenants.overrides` says otherwise. */
const Limits = Type.Object(
  {
    routes: Type.Integer({
      default: LIMITS.tenantRoutes,
      minimum: 1,
      maximum: MAX_ROUTES,
      description: 'routes of a tenant',
    }),
    regexes: Type.Integer({
      default: LIMITS.tenantRegexes,
      minimum: 0,
      maximum: MAX_REGEXES,
      description: 'regular expressions in routes and lanes of a tenant',
    }),
    plugins: Type.Integer({
      default: LIMITS.tenantPlugins,
      minimum: 0,
      maximum: MAX_PLUGINS,
      description: 'plugin uses of a tenant that differ in plugin or config; each is an instance in every worker',
    }),
    bufferedBodies: Size({
      default: sizeText(LIMITS.tenantBufferedBytes),
      description: 'bytes of bodies that the plugins of a tenant may hold in each worker',
    }),
    pluginMemory: Size({
      default: sizeText(LIMITS.tenantPluginMemoryBytes),
      description: 'linear memory of all plugin instances of a tenant in each worker',
    }),
    pluginCpu: Type.Integer({
      default: LIMITS.tenantPluginCpu,
      minimum: 0,
      maximum: MAX_CPU,
      description: 'instructions of all plugins of a tenant in each worker and second; 0 = no bound',
    }),
  },
  { ...strict, default: {} },
);
/** Sizes in bytes. */
export type TenantLimits = Type.StaticDecode<typeof Limits>;

/** `tenants.overrides.<tenant>.limits`: in place of the same key of `tenants.limits`. */
const LimitOverrides = Type.Object(
  {
    routes: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_ROUTES, description: 'for this tenant' })),
    regexes: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_REGEXES, description: 'for this tenant' })),
    plugins: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_PLUGINS, description: 'for this tenant' })),
    bufferedBodies: Type.Optional(Size({ description: 'for this tenant' })),
    pluginMemory: Type.Optional(Size({ description: 'for this tenant' })),
    pluginCpu: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_CPU, description: 'for this tenant' })),
  },
  { ...strict, default: {} },
);

function quota(description: string) {
  return Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_QUOTA, description }));
}

/** `tenants.quotas`: what each tenant may use at most, over all workers. */
const Quotas = Type.Object(
  {
    requestsPerSecond: quota('requests of a tenant in a second, else 429; absent or 0 = no bound'),
    burst: quota('of those, how many may come at once; absent or 0 = as many as requestsPerSecond'),
    concurrency: quota('exchanges of a tenant at a time, else 503; absent or 0 = no bound'),
  },
  { ...strict, default: {} },
);
/** `tenants.overrides.<tenant>.quotas`: in place of the same key of `tenants.quotas`. */
const QuotaOverrides = Type.Object(
  {
    requestsPerSecond: quota('for this tenant, and its own burst with it; 0 = no bound'),
    burst: quota('for this tenant; absent or 0 = as many as its requestsPerSecond'),
    concurrency: quota('for this tenant; 0 = no bound'),
  },
  { ...strict, default: {} },
);

const TenantOverride = Type.Object({ limits: LimitOverrides, quotas: QuotaOverrides }, strict);

/** `tenants` of `gateway.yaml`: where tenants are, and what the operator grants them. */
export const TenantsSection = Type.Object(
  {
    directory: Type.String({ minLength: 1, description: 'one file for each tenant' }),
    limits: Limits,
    quotas: Quotas,
    overrides: Type.Record(Type.String(), TenantOverride, {
      default: {},
      description: 'by tenant name: what is different for one tenant',
    }),
  },
  strict,
);
export type TenantsSection = Type.StaticDecode<typeof TenantsSection>;
