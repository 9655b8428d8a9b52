import type { Problem } from '../config/problem.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import type { TenantListener, TenantMeta } from './tenant-listener.ts';

/** Notes what it is told as lines, and lets tests wait for a line. */
export class Recorder implements TenantListener {
  readonly lines: string[] = [];
  readonly configs = new Map<string, TenantConfig>();
  readonly digests: string[] = [];
  /** Tenants whose present version was accepted before. */
  readonly known = new Set<string>();
  refuse: string | null = null;
  #waiting: (() => void)[] = [];

  onTenant(name: string, config: TenantConfig, meta: TenantMeta): void {
    if (this.refuse === name) throw new Error('no room');
    this.configs.set(name, config);
    this.digests.push(meta.digest);
    if (meta.acceptedBefore) this.known.add(name);
    else this.known.delete(name);
    this.#note(`tenant ${name}: ${config.domains.join(' ')}`);
  }

  onTenantRemoved(name: string): void {
    this.configs.delete(name);
    this.known.delete(name);
    this.#note(`removed ${name}`);
  }

  onTenantBroken(
    name: string,
    domains: readonly string[],
    problems: readonly Problem[],
    meta: { lastGood: boolean },
  ): void {
    this.#note(
      `broken ${name}: ${domains.join(' ')} (${meta.lastGood ? 'last good' : 'down'}) ${problems[0]!.message}`,
    );
  }

  onSettled(): void {
    this.#note('settled');
  }

  /** Resolves when the lines from `from` on contain `line` and what it belongs to has settled. */
  async until(line: string, from = 0): Promise<void> {
    for (;;) {
      const at = this.lines.indexOf(line, from);
      if (at !== -1 && this.lines.includes('settled', at)) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** What has been told, without the marks of settling. */
  get told(): string[] {
    return this.lines.filter((line) => line !== 'settled');
  }

  #note(line: string): void {
    this.lines.push(line);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Text of a tenant's file. */
export const tenant = (name: string, domains: string, more = '') => `tenant: ${name}\ndomains: [${domains}]\n${more}`;
/** Its only route, which answers itself. */
export const responding = (body: string) => `routes: [{ id: r, respond: { body: ${body} } }]\n`;
