import type { Place } from './document.ts';
import type { Problem } from './problem.ts';

/** A name that must be unique in the gateway, and where its file says it. */
interface Claim extends Place {
  readonly name: string;
}

/** What one tenant file claims for itself alone. */
export interface TenantClaims {
  /** Null when it cannot be read. */
  readonly tenant: Claim | null;
  /** The valid ones, in lower case, with their positions in the list. */
  readonly domains: readonly (Claim & { readonly index: number })[];
}

/** Who holds a name. */
interface Holder {
  readonly file: string;
  readonly tenant: string;
}

/** Names and domains of all tenant files. The first to take one keeps it until it releases it. */
export class ClaimRegister {
  readonly #tenants = new Map<string, Holder>();
  readonly #domains = new Map<string, Holder>();
  readonly #held = new Map<string, Held>();

  /** Problems of `file` with what other files hold already. */
  conflicts(file: string, claims: TenantClaims): Problem[] {
    const problems: Problem[] = [];
    const namesake = claims.tenant === null ? undefined : this.#tenants.get(claims.tenant.name);
    if (claims.tenant !== null && namesake !== undefined && namesake.file !== file) {
      const { name, line, column } = claims.tenant;
      const message = `the tenant ${name} is already defined in ${namesake.file}`;
      problems.push(conflict(file, { line, column }, 'tenant', message, 'rename one tenant, or remove one file'));
    }
    for (const domain of claims.domains) {
      const holder = this.#domains.get(domain.name);
      if (holder === undefined || holder.file === file) continue;
      const message = `the domain ${domain.name} already belongs to tenant ${holder.tenant} in ${holder.file}`;
      const remedy = 'remove it from one of the two files';
      const place = { line: domain.line, column: domain.column };
      problems.push(conflict(file, place, `domains[${domain.index}]`, message, remedy));
    }
    return problems;
  }

  /** Takes for `file` what nobody else holds, in place of what it held before. Returns the domains it holds now. */
  take(file: string, tenant: string | null, domains: readonly string[]): readonly string[] {
    this.release(file);
    const holder = { file, tenant: tenant ?? '(unreadable)' };
    const held: Held = { tenant: tenant !== null && !this.#tenants.has(tenant) ? tenant : null, domains: [] };
    if (held.tenant !== null) this.#tenants.set(held.tenant, holder);
    for (const domain of domains) {
      if (this.#domains.has(domain)) continue;
      this.#domains.set(domain, holder);
      held.domains.push(domain);
    }
    this.#held.set(file, held);
    return held.domains;
  }

  release(file: string): void {
    const held = this.#held.get(file);
    if (held === undefined) return;
    if (held.tenant !== null) this.#tenants.delete(held.tenant);
    for (const domain of held.domains) this.#domains.delete(domain);
    this.#held.delete(file);
  }

  /** Whether `file` holds the tenant name. */
  holdsTenant(file: string, tenant: string): boolean {
    return this.#held.get(file)?.tenant === tenant;
  }
}

/** What one file holds. */
interface Held {
  readonly tenant: string | null;
  readonly domains: string[];
}

function conflict(file: string, place: Place, key: string, message: string, remedy: string): Problem {
  return { file, ...place, key, code: 'SLUICE_CONFIG_CONFLICT', message, remedy };
}
