import { clean } from './clean-text.ts';
import { failureText } from './plugin-failure.ts';

/** A line of JSON; {} for one that is none. */
export function record(line: string): Readonly<Record<string, unknown>> {
  if (!line.startsWith('{')) return {};
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

const TOLD = new Set(['level', 'time', 'thread', 'msg', 'plugin', 'tenant']);

/** A line of the process log as an author reads it: what the plugin says, and what goes wrong; null for others. */
export function processText(line: string): string | null {
  const { msg, ...fields } = record(line);
  const { level = '', thread = '', plugin } = fields;
  if (msg === undefined) return line.trim() === '' ? null : clean(line);
  const wrong = level === 'warn' || level === 'error';
  const ofPlugin = plugin !== undefined && thread !== 'main';
  if (!wrong && !ofPlugin) return null;
  const more = Object.entries(fields).filter(([name]) => !TOLD.has(name));
  const all = wrong ? more.map(([name, value]) => ` ${name}=${JSON.stringify(value)}`).join('') : '';
  const details = failureText(fields) || all;
  return `  ${ofPlugin ? textOf(plugin) : 'gateway'} ${textOf(level)}: ${clean(textOf(msg))}${clean(details)}`;
}

/** A line of the access log as an author reads it; null for one that is none. */
export function accessText(line: string): string | null {
  const entry = record(line);
  if (entry['method'] === undefined) return null;
  const text = (name: string): string => textOf(entry[name] ?? '');
  const failures = text('plugin_failures') === '' ? '' : `, ${text('plugin_failures')}`;
  const details = /^(via_upstream|direct_response)$/.test(text('response_code_details'))
    ? ''
    : `, ${text('response_code_details')}`;
  return clean(
    `${text('method')} ${text('path')} -> ${text('response_code')}, plugin ${text('plugin_time_us')} µs${details}${failures}`,
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
