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

/** A terminal and npm both pass on one Ctrl-C; whoever means a second one takes longer than that. */
const SAME_SIGNAL_MS = 500;

/** What of the process a running gateway listens to. */
export interface Signals {
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
}

/**
 * `sluice run`: serves until SIGTERM or SIGINT, then drains. Resolves to the exit code: 0 after a drain, 1 when it could
 * not start or its workers died again and again. A second signal ends the drain at once. SIGHUP reads all configuration
 * anew.
 */
export async function run(options: RunOptions, signals: Signals): Promise<number> {
  const config = await readGateway(options);
  if (config === null) return 1;
  const ended = Promise.withResolvers<number>();
  const starting = startGateway({
    config,
    configFile: { path: options.config, env: options.env },
    version: options.version,
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
    onFatal: (error) => {
      printFailure(error, options);
      // What is left is brought down, so that the last lines of the access log are written.
      const stopped = starting.then((gateway) => gateway.stop({ grace: 0, deadline: 0 }));
      const end = (): void => ended.resolve(1);
      stopped.then(end, end);
    },
  });
  // From the beginning: process 1 of a container has no default handling of signals.
  followSignals(starting, signals, options, ended);
  try {
    const gateway = await starting;
    options.onStarted?.(gateway);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    printFailure(error, options);
    return 1;
  }
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
  starting: Promise<GatewayProcess>,
  signals: Signals,
  { printError }: RunOptions,
  ended: PromiseWithResolvers<number>,
): void {
  // A start that fails is reported by whoever waits for it.
  const afterStart = (act: (gateway: GatewayProcess) => Promise<void>): void => {
    starting.then((gateway) => act(gateway).catch(ended.reject), ignore);
  };
  let stoppingSince: number | null = null;
  const stop = (): void => {
    if (stoppingSince !== null) {
      if (performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
      printError('second signal: ending at once');
      ended.resolve(1);
      return;
    }
    stoppingSince = performance.now();
    afterStart((gateway) => gateway.stop().then(() => ended.resolve(0)));
  };
  signals.on('SIGTERM', stop);
  signals.on('SIGINT', stop);
  signals.on('SIGHUP', () => afterStart((gateway) => gateway.reload()));
}

function printFailure({ code, message }: GatewayError, { printError }: RunOptions): void {
  printError(`${code} ${message}`);
}

function ignore(): void {}
