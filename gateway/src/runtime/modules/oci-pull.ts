import type { OciSource } from '../../config/plugin-source.ts';
import { LIMITS } from '../../core/limits.ts';
import { basic, type Credentials, type HttpAnswer, type HttpPull } from './http-pull.ts';
import { digestOf } from './library.ts';
import { type Challenge, parseChallenges } from './oci-challenge.ts';
import { type Descriptor, MANIFEST_TYPES, type ManifestContent, readManifest } from './oci-manifest.ts';
import { PullError } from './pull-error.ts';

/** Who asks a server for a module. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** One attempt to fetch a module from a registry of the OCI distribution specification. */
export class OciPull {
  readonly #http: HttpPull;
  readonly #source: OciSource;
  readonly #login: Login | null;
  readonly #origin: string;
  /** What the registry wants to see with each request. */
  #credentials: Credentials | null = null;

  /** @param plainHttp the registry speaks http */
  constructor(http: HttpPull, source: OciSource, login: Login | null, plainHttp: boolean) {
    this.#http = http;
    this.#source = source;
    this.#login = login;
    this.#origin = new URL(`${plainHttp ? 'http' : 'https'}://${source.registry}`).origin;
  }

  /** The module, unpacked. Whatever a digest names has that digest. @throws PullError */
  async run(): Promise<Uint8Array> {
    const { tag, digest } = this.#source;
    const first = await this.#manifest(digest, digest === null ? tag! : `sha256:${digest}`);
    const second = first.kind === 'manifest' ? await this.#named(first.manifest) : first;
    if (second.kind === 'manifest') throw new PullError('an index leads to another index', true);
    const { moduleOf } = await import('./oci-archive.ts');
    return moduleOf(await this.#blob(second.layer));
  }

  #named({ digest }: Descriptor): Promise<ManifestContent> {
    return this.#manifest(digest, `sha256:${digest}`);
  }

  async #manifest(digest: string | null, reference: string): Promise<ManifestContent> {
    const accept = MANIFEST_TYPES.join(', ');
    const body = await this.#get(`manifests/${reference}`, LIMITS.ociManifestBytes, { accept });
    if (digest !== null) checkDigest('manifest', body, digest);
    return readManifest(Buffer.from(body).toString());
  }

  async #blob({ digest, size }: Descriptor): Promise<Uint8Array> {
    if (size > LIMITS.pluginModuleBytes) {
      throw new PullError(`the layer has ${size} bytes, more than ${LIMITS.pluginModuleBytes}`, true);
    }
    const body = await this.#get(`blobs/sha256:${digest}`, LIMITS.pluginModuleBytes, {});
    checkDigest('layer', body, digest);
    return body;
  }

  async #get(what: string, maxBytes: number, headers: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const url = new URL(`/v2/${this.#source.repository}/${what}`, this.#origin);
    let answer = await this.#http.get(url, { headers, credentials: this.#credentials, maxBytes });
    // A store of blobs on another host has nothing to ask for.
    if (answer.status === 401 && answer.url.origin === this.#origin && this.#credentials === null) {
      this.#credentials = await this.#authenticate(answer);
      answer = await this.#http.get(url, { headers, credentials: this.#credentials, maxBytes });
    }
    if (answer.status === 200) return answer.body;
    throw this.#failure(answer, what);
  }

  async #authenticate({ headers, url }: HttpAnswer): Promise<Credentials> {
    const challenges = parseChallenges(headers['www-authenticate']);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return { origin: this.#origin, value: `Bearer ${await this.#token(bearer)}` };
    if (!challenges.some(({ scheme }) => scheme === 'basic')) {
      throw new PullError(`${url.host} refuses access, and does not say what it wants to see`);
    }
    if (this.#login === null) {
      throw new PullError(`${url.host} wants a user and a password; give pull.username and pull.password`);
    }
    return basic(this.#origin, this.#login.username, this.#login.password);
  }

  /** For no more than to pull this repository, whatever the registry asks to be asked for. */
  async #token({ parameters }: Challenge): Promise<string> {
    const realm = URL.parse(parameters.get('realm') ?? '');
    if (realm === null) throw new PullError(`${this.#source.registry} does not say who gives tokens for it`);
    const service = parameters.get('service');
    if (service !== undefined) realm.searchParams.set('service', service);
    realm.searchParams.set('scope', `repository:${this.#source.repository}:pull`);
    const login = this.#login;
    const credentials = login === null ? null : basic(realm.origin, login.username, login.password);
    const answer = await this.#http.get(realm, { credentials, maxBytes: LIMITS.ociTokenBytes });
    if (answer.status !== 200) {
      const remedy = login === null ? 'give pull.username and pull.password' : 'check pull.username and pull.password';
      throw new PullError(`${realm.host} gives no token for the repository (status ${answer.status}); ${remedy}`);
    }
    return tokenOf(answer);
  }

  #failure({ status, url }: HttpAnswer, what: string): PullError {
    const host = url.host;
    const where = `${this.#source.repository}/${what}`;
    if (status === 401 || status === 403) {
      return new PullError(
        `${host} refuses access to ${where} (status ${status}); check pull.username and pull.password`,
      );
    }
    if (status === 404) return new PullError(`${host} has no ${where}`);
    return new PullError(`${host} answers ${status} for ${where}`);
  }
}

function tokenOf({ body, url }: HttpAnswer): string {
  try {
    const { token, access_token: other } = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
    const found = token ?? other;
    if (typeof found === 'string' && /^[\x21-\x7e]+$/.test(found)) return found;
  } catch {
    // Said below.
  }
  throw new PullError(`the answer of ${url.host} has no token`);
}

function checkDigest(what: string, body: Uint8Array, digest: string): void {
  const found = digestOf(body);
  if (found !== digest) throw new PullError(`the SHA-256 of the ${what} is ${found}, not ${digest}`, true);
}
