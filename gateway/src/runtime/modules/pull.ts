import { readFile } from 'node:fs/promises';
import { displayPath, reasonOf } from '../../config/files.ts';
import type { PluginSource } from '../../config/plugin-source.ts';
import type { PullConfig } from '../../config/schema-plugin.ts';
import { LIMITS } from '../../core/limits.ts';
import { basic, HttpPull } from './http-pull.ts';
import { type Login, OciPull } from './oci-pull.ts';
import { PullError } from './pull-error.ts';

export type RemoteOrigin = Exclude<PluginSource, { kind: 'file' }>;

/**
 * One attempt to fetch a module. Whether its bytes are the right ones is for the caller to check.
 * @throws PullError
 */
export async function pullModule(
  source: RemoteOrigin,
  pull: PullConfig | undefined,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { plainHttp = false, timeout = LIMITS.pluginPullMs, caFile } = pull ?? {};
  const ca = caFile === undefined ? null : await readCa(caFile);
  const http = new HttpPull({ ca, plainHttp, timeoutMs: timeout, signal });
  const login = loginOf(pull);
  try {
    if (source.kind === 'oci') return await new OciPull(http, source, login, plainHttp).run();
    return await download(http, new URL(source.url), login);
  } finally {
    await http.close();
  }
}

async function download(http: HttpPull, url: URL, login: Login | null): Promise<Uint8Array> {
  const credentials = login === null ? null : basic(url.origin, login.username, login.password);
  const { status, body, url: end } = await http.get(url, { credentials, maxBytes: LIMITS.pluginModuleBytes });
  if (status !== 200) throw new PullError(`${end.host} answers ${status}`);
  return body;
}

function loginOf(pull: PullConfig | undefined): Login | null {
  const { username, password } = pull ?? {};
  return username === undefined || password === undefined ? null : { username, password };
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new PullError(`pull.caFile ${displayPath(file)} cannot be read (${reasonOf(error)})`);
  }
}
