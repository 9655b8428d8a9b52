// Tenants that are edited all the time, and what is to be seen of each edit.
import { Random } from '../fuzz/random.ts';
import { type MadeTenants, tenantDomain, tenantName, tenantText } from '../tenants-maker.ts';
import type { Files } from './files.ts';

export type EditKind = 'add' | 'change' | 'break' | 'repair' | 'delete';

/** Answers with the revision of the tenant's file. */
export const REVISION_PATH = '/revision';

export interface Edit {
  readonly kind: EditKind;
  readonly tenant: string;
  readonly host: string;
  /** What its revision route answers when the edit is live; null: the tenant is gone. */
  readonly answer: string | null;
  /** The file is broken, and the tenant `stale`. */
  readonly broken: boolean;
}

export interface EditorOptions {
  /** Tenants that are changed, broken and repaired, but serve all the time. */
  readonly kept: number;
  /** Tenants that also come and go. */
  readonly passing: number;
  /** Routes of each tenant. */
  readonly routes: number;
  /** Routes of one tenant besides, which is kept and changed every fiftieth time. */
  readonly largeRoutes: number;
  /** `host:port` */
  readonly upstream: string;
}

interface Edited {
  readonly index: number;
  readonly routes: number;
  readonly passing: boolean;
  state: 'good' | 'broken' | 'gone';
  /** That is served; 0: none. */
  served: number;
  busy: boolean;
}

const LARGE_EVERY = 50;

export class Editor {
  readonly #files: Files;
  readonly #options: EditorOptions;
  readonly #random = new Random(2026);
  readonly #tenants: readonly Edited[];
  #revision = 0;
  #edits = 0;

  constructor(files: Files, options: EditorOptions) {
    this.#files = files;
    this.#options = options;
    const { kept, passing, routes, largeRoutes } = options;
    this.#tenants = Array.from({ length: kept + passing + 1 }, (_, index) => ({
      index,
      routes: index === kept + passing ? largeRoutes : routes,
      passing: index >= kept && index < kept + passing,
      state: 'gone',
      served: 0,
      busy: false,
    }));
    for (const tenant of this.#tenants) this.#write(tenant);
  }

  /** Of tenants that serve all the time. */
  keptHosts(): string[] {
    return this.#tenants.filter(({ passing }) => !passing).map(({ index }) => tenantDomain(index));
  }

  /** What is in force for each tenant when all edits are live. */
  standing(): Edit[] {
    return this.#tenants.map((tenant) => this.#describe('change', tenant));
  }

  /** Makes an edit of a tenant of which none is under way; null: there is none. To be told to `done` when it is live. */
  edit(): Edit | null {
    const large = ++this.#edits % LARGE_EVERY === 0 ? this.#tenants.at(-1)! : null;
    const idle = this.#tenants.slice(0, -1).filter(({ busy }) => !busy);
    const tenant = large === null || large.busy ? this.#random.pick(idle) : large;
    if (tenant === undefined) return null;
    const kind = this.#kindFor(tenant);
    if (kind === 'delete') this.#remove(tenant);
    else if (kind === 'break') this.#break(tenant);
    else this.#write(tenant);
    tenant.busy = true;
    return this.#describe(kind, tenant);
  }

  done({ tenant }: Edit): void {
    this.#tenants.find(({ index }) => tenantName(index) === tenant)!.busy = false;
  }

  #kindFor({ state, passing, routes }: Edited): EditKind {
    if (state === 'gone') return 'add';
    if (passing && this.#random.chance(30)) return 'delete';
    if (state === 'broken') return 'repair';
    return routes < this.#options.largeRoutes && this.#random.chance(25) ? 'break' : 'change';
  }

  #write(tenant: Edited): void {
    tenant.state = 'good';
    tenant.served = ++this.#revision;
    this.#files.writeTenant(tenantName(tenant.index), this.#text(tenant, tenant.served));
  }

  #remove(tenant: Edited): void {
    tenant.state = 'gone';
    tenant.served = 0;
    this.#files.removeTenant(tenantName(tenant.index));
  }

  #break(tenant: Edited): void {
    tenant.state = 'broken';
    const text = this.#text(tenant, ++this.#revision);
    const broken = [
      `${text}  - id: [\n`,
      text.replace('\nroutes:', '\nrutes:'),
      text.replace('service: devices', 'service: nobody'),
    ];
    this.#files.writeTenant(tenantName(tenant.index), this.#random.pick(broken));
  }

  #text({ index, routes }: Edited, revision: number): string {
    const made: MadeTenants = { tenants: 1, routes, upstream: this.#options.upstream };
    return `${tenantText(index, made, revision)}${revisionRoute(revision)}`;
  }

  #describe(kind: EditKind, { index, served, state }: Edited): Edit {
    return {
      kind,
      tenant: tenantName(index),
      host: tenantDomain(index),
      answer: served === 0 ? null : String(served),
      broken: state === 'broken',
    };
  }
}

/** A route, to be appended to a tenant's file, that answers with the revision. */
export function revisionRoute(revision: number): string {
  return `  - id: revision
    match: { path: { exact: ${REVISION_PATH} } }
    respond: { body: "${revision}" }
`;
}
