import { once } from 'node:events';
import { parseAddress } from '../core/endpoint.ts';
import { adminOrigin, originRefused } from './admin-client.ts';
import type { Output } from './output.ts';
import { DevGateway } from './plugin-dev-gateway.ts';
import { RunningGateway } from './plugin-dev-running.ts';
import type { DevTarget } from './plugin-dev-target.ts';
import { buildAndTell, PluginFolder, PluginFolderError } from './plugin-folder.ts';
import { SourceWatch } from './plugin-sources.ts';
import type { Signals } from './run.ts';

export interface DevOptions extends Output {
  /** Of the plugin. */
  readonly folder: string;
  /** Admin API of a gateway that runs already; default: one is started. */
  readonly admin?: string;
  /** Name of the plugin in that gateway's catalogue; default: whichever comes from the file that is built. */
  readonly plugin?: string;
  /** Of the gateway that is started; default 8080, or a free one when that is taken. */
  readonly port?: string;
  /** `name=host:port` each: services that the plugin may call on the gateway that is started. */
  readonly services: readonly string[];
}

const CANNOT = 1;

/**
 * `sluice plugin dev`: builds a plugin whenever its sources change, and brings it into a running gateway, its own or another
 * one. Ends with SIGINT or SIGTERM. Resolves to the exit code: 0, or 1 when it cannot be tried.
 */
export async function devPlugin(options: DevOptions, signals: Signals): Promise<number> {
  const end = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) signals.on(signal, () => end.abort());
  try {
    const folder = await PluginFolder.open(options.folder);
    const target = targetOf(folder, options);
    let good = true;
    const watch = new SourceWatch(folder.path, async () => {
      good = await turn(folder, target, end.signal, { ...options, good });
    });
    if (!end.signal.aborted) await once(end.signal, 'abort');
    await target.close();
    await watch.close();
    return 0;
  } catch (error) {
    if (!(error instanceof PluginFolderError)) throw error;
    options.printError(error.message);
    return CANNOT;
  }
}

/** @throws PluginFolderError for an option that cannot be used */
function targetOf(folder: PluginFolder, options: DevOptions): DevTarget {
  const { admin, plugin, port, print, printError } = options;
  if (admin === undefined) {
    if (plugin !== undefined) throw new PluginFolderError('--plugin names one of a gateway that runs; add --admin URL');
    const services = new Map(options.services.map(serviceOf));
    return new DevGateway({ folder: folder.path, port: portOf(port), services, print, printError });
  }
  const origin = adminOrigin(admin);
  if (origin === null) throw new PluginFolderError(originRefused(admin));
  if (port !== undefined || options.services.length > 0) {
    throw new PluginFolderError('--port and --service are for the gateway that is started without --admin');
  }
  return new RunningGateway({ origin, plugin, print, printError });
}

function serviceOf(text: string): [name: string, address: string] {
  const [, name, address] = /^([A-Za-z0-9][A-Za-z0-9._:-]*)=([^=]+:\d{1,5})$/.exec(text) ?? [];
  if (name === undefined || address === undefined || address.includes('/') || parseAddress(address) === null) {
    throw new PluginFolderError(`--service ${text} is none; write name=host:port such as auth=127.0.0.1:3000`);
  }
  return [name, address];
}

/** null: any. */
function portOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new PluginFolderError(`--port ${text} is no port; write one such as 8080`);
  return port;
}

interface Turn extends Output {
  /** The turn before went well. */
  readonly good: boolean;
}

/** Answers whether what is there is in use. Never rejects: the next change may mend it. */
async function turn(
  folder: PluginFolder,
  target: DevTarget,
  end: AbortSignal,
  { good, print, printError }: Turn,
): Promise<boolean> {
  try {
    const plugin = await buildAndTell(folder, { print, printError }, end);
    if (plugin !== null) {
      const isNew = await target.use(plugin);
      if (!isNew && !good) print('What was wrong is gone; this version is in use.');
      return true;
    }
  } catch (error) {
    if (!end.aborted) printError(error instanceof Error ? error.message : String(error));
  }
  if (end.aborted) return false;
  printError(target.serving ? 'The last good version is still in use.' : 'Nothing is in use; waiting for a change.');
  return false;
}
