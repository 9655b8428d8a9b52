import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../core/errors.ts';
import { loadPlugin } from '../testing/plugin-host.ts';
import type { Output } from './output.ts';
import { type DevTarget, digestOf } from './plugin-dev-target.ts';
import { type Echo, startEcho } from './plugin-echo.ts';
import type { CompiledPlugin, PluginManifest } from './plugin-folder.ts';
import { GatewayProcessError, PluginGateway } from './plugin-gateway.ts';
import type { GatewaySetup } from './plugin-gateway-files.ts';
import { withoutMark } from './plugin-run-request.ts';
import { awaitTakeover } from './plugin-takeover.ts';

export interface DevGatewayOptions extends Output {
  /** Of the plugin. */
  readonly folder: string;
  /** null: 8080, or a free one when that is taken. */
  readonly port: number | null;
  /** `host:port` of services that the plugin may call, by name. */
  readonly services: ReadonlyMap<string, string>;
}

/** A version of plugin and configuration. */
interface Version {
  readonly digest: string;
  readonly manifest: PluginManifest;
  readonly config: unknown;
}

const USUAL_PORT = 8080;
const CONFIG_FILE = 'dev/config.json';

/** A gateway of its own for one plugin, in front of an upstream that shows what it got. */
export class DevGateway implements DevTarget {
  readonly #options: DevGatewayOptions;
  readonly #gateway: PluginGateway;
  readonly #closed = new AbortController();
  #echo: Echo | null = null;
  /** In use. */
  #now: Version | null = null;

  constructor(options: DevGatewayOptions) {
    this.#options = options;
    this.#gateway = new PluginGateway(options.print);
  }

  get serving(): boolean {
    return this.#now !== null && this.#gateway.running;
  }

  async use({ path, size, manifest }: CompiledPlugin): Promise<boolean> {
    const config = await readConfig(join(this.#options.folder, CONFIG_FILE));
    const next: Version = { digest: await digestOf(path), manifest, config };
    if (isDeepStrictEqual(next, this.#now) && this.#gateway.running) return false;
    await tryOut(path, next, this.#options.services);
    const how = await this.#bring(path, next);
    this.#now = next;
    const { print } = this.#options;
    print(`${manifest.name} ${manifest.version}, ${size} bytes: in use${how}`);
    if (how === '') for (const line of this.#welcome()) print(line);
    return true;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#gateway.close();
    await this.#echo?.close();
  }

  /** Takes the least that is needed; answers how it was done, '' for a first start. */
  async #bring(path: string, next: Version): Promise<string> {
    const now = this.#gateway.running ? this.#now : null;
    const first = this.#now === null;
    const setup = await this.#setup(next);
    const sameModule = now?.digest === next.digest;
    const sameConfig = isDeepStrictEqual(now?.config, next.config);
    const sameGrants =
      now?.manifest.name === next.manifest.name &&
      isDeepStrictEqual(now?.manifest.permissions, next.manifest.permissions);
    // Module and configuration are taken over one by one, and each must fit the other one's former version.
    if (now === null || !sameGrants || (!sameModule && !sameConfig)) {
      await this.#gateway.start(path, setup);
      return first ? '' : ', in a gateway started anew';
    }
    if (!sameConfig) {
      await this.#gateway.configure(setup);
      return ', with the new configuration';
    }
    await this.#gateway.replaceModule(path);
    const wanted = { digest: next.digest, path, plugin: next.manifest.name };
    const { inUse, reason } = await awaitTakeover(this.#gateway.admin, wanted, this.#closed.signal);
    if (!inUse) throw new GatewayProcessError(reason);
    return ', without a restart';
  }

  async #setup({ manifest, config }: Version): Promise<GatewaySetup> {
    if (this.#closed.signal.aborted) throw new GatewayProcessError('it was ended before it had started');
    this.#echo ??= await startEcho();
    const { services, port } = this.#options;
    const upstream = this.#echo.address;
    // The curl line stays good when the gateway is started anew.
    return { plugin: manifest, config, upstream, services, port: this.#gateway.lastPort || (await portToUse(port)) };
  }

  #welcome(): string[] {
    const folder = relative(process.cwd(), this.#options.folder);
    return [
      '',
      `  curl -i ${this.#gateway.origin}/hello    # an upstream behind the plugin answers with what it got`,
      '',
      `Edit ${join(folder, 'assembly/plugin.ts')} or ${join(folder, CONFIG_FILE)}, and the next request follows. Ctrl-C ends it.`,
    ];
  }
}

/** Starts the version on the plugin host in this process. @throws Error with what the plugin has against it */
async function tryOut(path: string, { config }: Version, services: ReadonlyMap<string, string>): Promise<void> {
  try {
    // Nobody answers while it is tried out, but the names are known.
    const silent = Object.fromEntries([...services.keys()].map((name) => [name, () => null]));
    (await loadPlugin(path, { config, services: silent })).close();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new GatewayProcessError(`it does not start with ${CONFIG_FILE}: ${error.detail}`, { cause: error });
  }
}

/** `{}` when there is no such file. */
async function readConfig(path: string): Promise<unknown> {
  let text = '{}';
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  try {
    return JSON.parse(withoutMark(text)) as unknown;
  } catch (error) {
    throw new GatewayProcessError(`${CONFIG_FILE} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** The port that is asked for; else the usual one, or any when that is taken. */
async function portToUse(port: number | null): Promise<number> {
  if (port !== null) return port;
  const { promise, resolve } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once('error', () => resolve(0));
  probe.listen(USUAL_PORT, '127.0.0.1', () => probe.close(() => resolve(USUAL_PORT)));
  return promise;
}
