import type { Problem } from '../config/problem.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';

/** Where a tenant comes from. */
export interface TenantMeta {
  /** As messages show it. */
  readonly file: string;
  /** SHA-256 over the file's text and the secrets it uses; same digest, same configuration. */
  readonly digest: string;
  /**
   * This text was accepted before by the same version of the gateway and of Node.js, with the same catalogue, registries
   * and ceilings: its routes and lanes compile. Its plugins may refuse it all the same, as modules and secrets change.
   */
  readonly acceptedBefore: boolean;
}

/**
 * Hears of every change of the tenants, in an order in which no two tenants ever hold one domain. A name is announced
 * by `onTenant` or `onTenantBroken` and taken back by `onTenantRemoved`.
 */
export interface TenantListener {
  /**
   * May be called before `onTenant` with the same configuration, for the costly part of its checks to be done a little
   * at a time. Never rejects: what is wrong is told by `onTenant`.
   */
  prepare?(config: TenantConfig): Promise<void>;
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
  /** Changes of one look at the directory follow; `onSettled` comes after them in any case. */
  onSettling?(): void;
  /** All changes of one look at the directory have been told. */
  onSettled?(): void;
}
