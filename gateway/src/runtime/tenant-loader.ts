import { createHash } from 'node:crypto';
import type { TenantClaims } from '../config/claims.ts';
import type { Plain } from '../config/document.ts';
import { schemaJson } from '../config/json-schema.ts';
import { fillSecrets, type Salvaged, surroundingsOf, withoutSecrets } from '../config/parse-tenant.ts';
import { pluginConfigProblems } from '../config/plugin-config.ts';
import { fileProblem, type Problem } from '../config/problem.ts';
import type { CataloguedPlugin } from '../config/rules.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import { SecretReading } from '../config/secrets.ts';
import type { SecretPlace } from '../config/substitute.ts';
import type { ParsePool } from './parse-pool.ts';
import { failedResult, detailsOf, type ParseResult } from './parse-result.ts';
import { usesOf } from './plugin-uses.ts';
import type { TenantRecord } from './tenant-record.ts';
import type { TenantStore } from './tenant-store.ts';

/** What became of a tenant's text. */
export interface LoadedTenant {
  /** Frozen, with the values of all secrets; null when there is any problem. */
  readonly config: TenantConfig | null;
  readonly claims: TenantClaims | null;
  readonly problems: readonly Problem[];
  /** Of a broken text. */
  readonly salvaged: Salvaged | null;
  readonly secretNames: readonly string[];
  /** `SecretReading.digest` of the values that `config` has. */
  readonly secretsDigest: string;
  /** Where values of secrets stand in `config`. */
  readonly secretPlaces: readonly SecretPlace[];
  /** They stand elsewhere in it too, so that only its text can be kept. */
  readonly holdsSecrets: boolean;
  /** Text and view for display: `detailsOf`. */
  readonly details: Uint8Array;
  /** Digest of the text and of all that parsing it depends on. */
  readonly key: string;
  /** Origin of the accepted version with this key on disk; null when there is none. */
  readonly keptFrom: string | null;
}

type Secrets = Pick<LoadedTenant, 'secretPlaces' | 'secretNames'>;
type FilledTenant = Pick<LoadedTenant, 'secretsDigest'> & { readonly config: TenantConfig };

export interface TenantLoaderOptions {
  readonly gateway: GatewayConfig;
  /** Of the gateway: what another one kept is parsed anew. */
  readonly version: string;
  readonly pool: ParsePool;
  /** null: nothing is kept. */
  readonly store: TenantStore | null;
}

/** Makes configurations of texts: from the disk when this very text was accepted before, else in a parsing thread. */
export class TenantLoader {
  readonly #options: TenantLoaderOptions;
  /** Hash of all but the text and the plugins, which may come and go: what a kept version uses of them is looked at. */
  readonly #base: ReturnType<typeof createHash>;
  /** Of the catalogue, as files may name them. */
  #plugins: readonly CataloguedPlugin[];

  constructor(options: TenantLoaderOptions) {
    this.#options = options;
    this.#plugins = options.gateway.plugins;
    const { secrets, plugins: _, ...surroundings } = surroundingsOf(options.gateway);
    const parts = [options.version, process.version, schemaJson('tenant'), surroundings, secrets !== undefined];
    this.#base = createHash('sha256').update(JSON.stringify(parts));
  }

  /** Files that are loaded from now on, or being loaded, may name these plugins. */
  offer(plugins: readonly CataloguedPlugin[]): void {
    this.#plugins = plugins;
    this.#options.pool.change(surroundingsOf({ ...this.#options.gateway, plugins }));
  }

  /** Whether each plugin that a configuration uses may be used now, and takes the configuration that it has there. */
  offers(config: TenantConfig): boolean {
    const usable = new Map(
      this.#plugins.filter(({ awaited }) => awaited !== true).map((plugin) => [plugin.name, plugin]),
    );
    return usesOf(config).every((use) => {
      const plugin = usable.get(use.use);
      if (plugin === undefined) return false;
      return plugin.schema === undefined || pluginConfigProblems(plugin.schema, use.config as Plain).length === 0;
    });
  }

  /** Never rejects. @param file the text's place as messages show it */
  async load(file: string, text: string): Promise<LoadedTenant> {
    for (;;) {
      const plugins = this.#plugins;
      const loaded = await this.#load(file, text);
      if (plugins === this.#plugins) return loaded;
    }
  }

  async #load(file: string, text: string): Promise<LoadedTenant> {
    const key = this.#base.copy().update(text).digest('hex');
    const record = (await this.#options.store?.cached(key)) ?? null;
    return (record === null ? null : this.#fromRecord(record)) ?? this.#parse(file, text, key);
  }

  /** A kept version under the gateway's present configuration. Never rejects. */
  async restore(file: string, record: TenantRecord): Promise<LoadedTenant> {
    const { text } = detailsOf(record.details);
    const key = this.#base.copy().update(text).digest('hex');
    const kept = key === record.key ? this.#fromRecord(record) : null;
    return kept ?? this.load(file, text);
  }

  /** The same version with its secrets as they are now. */
  async refill(file: string, loaded: LoadedTenant): Promise<LoadedTenant> {
    const filled = loaded.config === null || loaded.holdsSecrets ? null : this.#fill(loaded.config, loaded);
    return filled === null ? this.load(file, detailsOf(loaded.details).text) : { ...loaded, ...filled };
  }

  #fromRecord(record: TenantRecord): LoadedTenant | null {
    if (record.config === null) return null;
    const { secretPlaces, secretNames, claims, details, key, origin } = record;
    const config = JSON.parse(record.config) as TenantConfig;
    const filled = this.#fill(config, record);
    if (filled === null || !this.offers(filled.config)) return null;
    const kept = { secretPlaces, secretNames, claims, details, key };
    return { ...kept, ...filled, problems: [], salvaged: null, holdsSecrets: false, keptFrom: origin };
  }

  async #parse(file: string, text: string, key: string): Promise<LoadedTenant> {
    const result = await this.#options.pool.parse(file, text);
    const { config: json, ...rest } = result;
    if (json === null) return { ...rest, config: null, key, keptFrom: null };
    const filled = this.#fill(JSON.parse(json) as TenantConfig, result);
    if (filled === null) return secretGone(file, result, key);
    // What the parser has put in may have changed since: its own digest tells.
    const { secretsDigest } = result.holdsSecrets ? result : filled;
    return { ...rest, config: filled.config, secretsDigest, key, keptFrom: null };
  }

  /** Null: a secret is missing. */
  #fill(config: TenantConfig, { secretPlaces, secretNames }: Secrets): FilledTenant | null {
    const secrets = new SecretReading(this.#options.gateway.secrets?.directory, config.tenant);
    const filled = fillSecrets(config, secretPlaces, secrets);
    return filled === null ? null : { config: filled, secretsDigest: secrets.digest(secretNames) };
  }
}

/** The secret was there when the text was parsed, a moment ago. */
function secretGone(file: string, { details, secretNames, claims }: ParseResult, key: string): LoadedTenant {
  const message = `one of the secrets ${secretNames.join(', ')} went away while the file was read`;
  const problem = fileProblem(file, 'SLUICE_CONFIG_SECRET', message, 'put it back into the secrets directory');
  const { config: _, ...failed } = failedResult(problem, detailsOf(details).text);
  // Without a digest of the secrets, the next look reads the file again.
  return { ...failed, config: null, claims, secretNames, key, keptFrom: null };
}

/** What is kept of an accepted version. */
export function recordOf(loaded: LoadedTenant & { readonly config: TenantConfig }, origin: string): TenantRecord {
  const { config, secretPlaces, secretNames, claims, details, key, holdsSecrets } = loaded;
  const json = holdsSecrets ? null : JSON.stringify(withoutSecrets(config, secretPlaces));
  return { tenant: config.tenant, origin, key, config: json, secretPlaces, secretNames, claims, details };
}
