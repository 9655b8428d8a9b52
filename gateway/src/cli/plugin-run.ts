import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { reasonOf } from '../config/files.ts';
import { GatewayError } from '../core/errors.ts';
import type { LoadOptions } from '../testing/options.ts';
import { loadPlugin, type PluginTestHost } from '../testing/plugin-host.ts';
import { clean } from './clean-text.ts';
import { UsageError } from './explain-request.ts';
import { isSystemError } from './system-error.ts';
import type { Output } from './output.ts';
import { type ExchangeWords, readConfig, readExchange } from './plugin-run-request.ts';
import { readServices } from './plugin-run-services.ts';
import { runLines, runObject, shortened } from './plugin-run-text.ts';

export interface RunPluginOptions extends Output, ExchangeWords {
  /** Path of the module. */
  readonly file: string;
  /** JSON, or a file with it; default `{}`. */
  readonly config?: string;
  /** `NAME=STATUS[:BODY]` each: what the services answer that the plugin calls; others do not exist. */
  readonly services: readonly string[];
  /** One JSON object in place of lines. Default false. */
  readonly json?: boolean;
}

const CANNOT = 1;
const FAILED = 2;
const AWAKE_MS = 1_000;

/**
 * `sluice plugin run`: one exchange through a module in the gateway's own plugin host, without sockets; prints what the
 * plugin saw, changed and logged, and what that cost. Resolves to the exit code: 0 the plugin did its part, 2 it failed
 * or refuses its configuration, 1 it cannot be tried.
 */
export async function runPlugin(options: RunPluginOptions): Promise<number> {
  const { file, printError } = options;
  try {
    const exchange = await readExchange(options);
    const config = await readConfig(options.config);
    const services = await readServices(options.services);
    const host = await start({ config, services }, options);
    if (host === null) return FAILED;
    // What the plugin asks for when it starts is answered before it meets a request.
    await turnOfLoop();
    const result = await awake(host.exchange(exchange));
    const run = { file, exchange, result, started: startLines(host, result.logs.length), before: host.callouts };
    if (options.json === true) options.print(JSON.stringify(runObject(run), null, 2));
    else for (const line of runLines(run)) options.print(line);
    host.close();
    return result.exchange.pluginFailures === '' ? 0 : FAILED;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    if (options.json === true) options.print(JSON.stringify({ ok: false, error: { message: error.message } }, null, 2));
    else printError(error.message);
    return CANNOT;
  }
}

/** A plugin may hold the exchange until its time is over, and the timers of a gateway keep no process alive. */
async function awake<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, AWAKE_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** null: it cannot be started, which has been told. @throws UsageError when there is no such file */
async function start(
  options: LoadOptions,
  { file, json = false, print, printError }: RunPluginOptions,
): Promise<PluginTestHost | null> {
  try {
    return await loadPlugin(file, options);
  } catch (error) {
    if (isSystemError(error)) throw new UsageError(`${file}: the file cannot be read (${reasonOf(error)})`);
    if (!(error instanceof GatewayError)) throw error;
    const { code, detail } = error;
    if (json) print(JSON.stringify({ ok: false, error: { code, message: detail } }, null, 2));
    else printError(`${code} ${shortened(clean(detail))}`);
    return null;
  }
}

/** What was logged before the exchange. */
function startLines(host: PluginTestHost, later: number): PluginTestHost['logs'] {
  return host.logs.slice(0, host.logs.length - later);
}
