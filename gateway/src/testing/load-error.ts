import { type Problem, formatProblem } from '../config/problem.ts';
import { type ErrorCode, GatewayError } from '../core/errors.ts';
import type { LogLine } from './recording-log.ts';

/** A plugin that did not start, as the gateway would refuse it. */
export class PluginRefused extends GatewayError {
  /** What its configuration has that its manifest does not allow; empty: the plugin was asked itself. */
  readonly problems: readonly Problem[];
  /** Lines of the plugin, and of the gateway about it. */
  readonly logs: readonly LogLine[];

  constructor(
    code: ErrorCode,
    detail: string,
    parts: { readonly problems?: readonly Problem[]; readonly logs?: readonly LogLine[]; readonly cause?: unknown },
  ) {
    super(code, detail, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'PluginRefused';
    this.problems = parts.problems ?? [];
    this.logs = parts.logs ?? [];
  }
}

/** The configuration is not what the manifest asks for. */
export function refusedBySchema(plugin: string, problems: readonly Problem[]): PluginRefused {
  const words = problems.map((problem) => formatProblem(problem).replace(/^: /, ''));
  return new PluginRefused('SLUICE_PLUGIN_START_FAILED', `plugin ${plugin}: ${words.join('; ')}`, { problems });
}

/** It did not start, and may have said why in its log. */
export function refusedByPlugin(error: GatewayError, logs: readonly LogLine[]): PluginRefused {
  const words = logs.filter(isOwn).map(({ message }) => message);
  const detail = words.length === 0 ? error.detail : `${error.detail} (${words.join('; ')})`;
  return new PluginRefused(error.code, detail, { logs, cause: error.cause });
}

/** Lines of the gateway about the plugin say more than whose they are. */
function isOwn({ level, fields }: LogLine): boolean {
  return (
    (level === 'warn' || level === 'error') && Object.keys(fields).every((key) => key === 'plugin' || key === 'tenant')
  );
}
