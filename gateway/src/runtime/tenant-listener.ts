import type { Problem } from '../config/problem.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';

/** Where a tenant comes from. */
export interface TenantMeta {
  /** As messages show it. */
  readonly file: string;
  /** SHA-256 over the file's text and the secrets it uses; same digest, same configuration. */
  readonly digest: string;
}

/**
 * Hears of every change of the tenants, in an order in which no two tenants ever hold one domain. A name is announced
 * by `onTenant` or `onTenantBroken` and taken back by `onTenantRemoved`.
 */
export interface TenantListener {
  /** A new or changed tenant, or a broken one that is well again. A throw refuses this version: the last one stays. */
  onTenant(name: string, config: TenantConfig, meta: TenantMeta): void;
  /** The file is gone, or now defines a tenant of another name. */
  onTenantRemoved(name: string): void;
  /**
   * The tenant's file has problems. With `lastGood` its last version keeps serving, and nothing is to be done; without,
   * `domains` are to answer 503, in place of what was told of this name before. When the tenant's name cannot be read
   * or belongs to another file, `name` is `file:` and the file's name.
   */
  onTenantBroken(
    name: string,
    domains: readonly string[],
    problems: readonly Problem[],
    meta: TenantMeta & { readonly lastGood: boolean },
  ): void;
  /** All changes of one look at the directory have been told. */
  onSettled?(): void;
}
