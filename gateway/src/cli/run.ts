import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { displayPath, readConfigFile } from '../config/files.ts';
import { parseGateway } from '../config/parse-gateway.ts';
import { formatProblem } from '../config/problem.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { Environment } from '../config/substitute.ts';
import { GatewayError } from '../core/errors.ts';
import { type GatewayProcess, startGateway } from '../server/gateway-process.ts';
import type { LogLevel } from '../telemetry/process-log.ts';

export interface RunOptions {
  /** Path of `gateway.yaml`. */
  readonly config: string;
  readonly env: Environment;
  readonly version: string;
  readonly logLevel?: LogLevel;
  /** Takes what the operator must read, line by line. */
  readonly printError: (line: string) => void;
  /** Called once everything is open. */
  readonly onStarted?: (gateway: GatewayProcess) => void;
}

/** What of the process a running gateway listens to. */
export interface Signals {
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
}

/**
 * `sluice run`: serves until SIGTERM or SIGINT, then drains. Resolves to the exit code: 0 after a drain, 1 when it could
 * not start or a worker died. A second signal ends the drain at once. SIGHUP reads tenants and secrets anew.
 */
export async function run(options: RunOptions, signals: Signals): Promise<number> {
  const config = await readGateway(options);
  if (config === null) return 1;
  const ended = Promise.withResolvers<number>();
  let gateway: GatewayProcess;
  try {
    gateway = await startGateway({
      config,
      version: options.version,
      ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
      onFatal: (reason) => {
        options.printError(reason);
        ended.resolve(1);
      },
    });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    options.printError(`${error.code} ${error.message}`);
    return 1;
  }
  followSignals(gateway, signals, options, ended);
  options.onStarted?.(gateway);
  return ended.promise;
}

async function readGateway({ config, env, printError }: RunOptions): Promise<GatewayConfig | null> {
  const { text, problem } = await readConfigFile(resolve(config));
  if (text === null) {
    printError(formatProblem(problem));
    return null;
  }
  const parsed = parseGateway(displayPath(resolve(config)), text, { env });
  for (const found of parsed.problems) printError(formatProblem(found));
  return parsed.config;
}

function followSignals(
  gateway: GatewayProcess,
  signals: Signals,
  { printError }: RunOptions,
  ended: PromiseWithResolvers<number>,
): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) {
      printError('second signal: ending at once');
      ended.resolve(1);
      return;
    }
    stopping = true;
    gateway.stop().then(() => ended.resolve(0), ended.reject);
  };
  signals.on('SIGTERM', stop);
  signals.on('SIGINT', stop);
  signals.on('SIGHUP', () => void gateway.reload());
}

/** Version of the package that this program belongs to. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
