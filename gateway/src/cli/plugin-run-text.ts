import { isUtf8 } from 'node:buffer';
import { clean } from './clean-text.ts';
import { failureText } from './plugin-failure.ts';
import { shellWord } from './shell-word.ts';
import type { TestExchange } from '../testing/options.ts';
import type { LogLine } from '../testing/recording-log.ts';
import type { TestCall, TestCalloutResult, TestChange, TestResult } from '../testing/results.ts';

/** What `sluice plugin run` has to tell. */
export interface PluginRun {
  readonly file: string;
  readonly exchange: TestExchange;
  readonly result: TestResult;
  /** Lines of its start. */
  readonly started: readonly LogLine[];
  /** Callouts of the plugin itself, such as those of its start. */
  readonly before: readonly TestCalloutResult[];
}

/** Longest part of a body or of a value that is shown in lines; `--json` has all. */
const SHOWN = 2_000;
const INDENT = '  ';

/** For `--json`. */
export function runObject({ file, result, started, before }: PluginRun): object {
  const { request, response, error, calls, callouts, properties, logs, fuel, timeUs, exchange } = result;
  const failures = exchange.pluginFailures;
  return {
    ok: failures === '',
    file,
    request,
    response,
    error,
    failures,
    calls,
    callouts: [...before, ...callouts],
    properties,
    logs: [...started, ...logs],
    fuel,
    timeUs,
  };
}

/** For people. */
export function runLines(run: PluginRun): string[] {
  const { result, started, before } = run;
  const { calls, callouts, fuel, timeUs } = result;
  const lines = started.map(logLine);
  for (const call of calls) if (isWorthTelling(call)) lines.push(...callLines(call));
  lines.push('', ...[...before, ...callouts].flatMap(calloutLines));
  lines.push('', ...requestLines(run), '', ...responseLines(run), '');
  lines.push(
    `${calls.length} callbacks, ${grouped(fuel)} instructions, ${Math.round(timeUs)} µs (a first run, which is slower than later ones)`,
  );
  return lines.filter((line, at) => line !== '' || lines[at - 1] !== '');
}

/** Callbacks that open and close an exchange take no part in it. */
const FRAME: readonly string[] = ['proxy_on_context_create', 'proxy_on_done', 'proxy_on_delete'];

function isWorthTelling({ callback, logs }: TestCall): boolean {
  return logs.length > 0 || !FRAME.includes(callback);
}

function callLines({ phase, callback, saw, changes, decision, logs, fuel, timeUs }: TestCall): string[] {
  const name = phase === 'other' ? callback : phase;
  const lines = ['', `${name}: ${decision ?? 'done'}, ${grouped(fuel)} instructions, ${Math.round(timeUs)} µs`];
  if (saw !== null && saw.body !== null) lines.push(...textLines(saw.body, '  '));
  else if (saw !== null) lines.push(...fieldLines(saw.headers, '  '));
  for (const change of changes) lines.push(...changeLines(change));
  return [...lines, ...logs.map(logLine)];
}

function calloutLines({ service, method, path, headers, body, status, result }: TestCalloutResult): string[] {
  const refused = `refused: there is no such service here; --service ${shellWord(`${clean(service)}=200`)} makes one`;
  const outcome = result === 'refused' ? refused : (status ?? result ?? 'none: the exchange was over');
  return [
    `callout to ${clean(service)}: ${clean(`${method} ${path}`)} -> ${outcome}`,
    ...fieldLines(headers),
    ...textLines(body, ''),
  ];
}

function changeLines({ of, name, before, after }: TestChange): string[] {
  const lines = (mark: string, value: string | null): string[] => {
    if (value === null) return [];
    if (name === '') return textLines(value, mark);
    if (of === 'property') return [`${INDENT}${mark}property ${shortened(clean(`${name}: ${value}`))}`];
    return [INDENT + mark + fieldText(name, value)];
  };
  return [...lines('- ', before), ...lines('+ ', after)];
}

function requestLines({ result: { request } }: PluginRun): string[] {
  if (request === null) return ['the upstream got nothing'];
  const { method, path, authority, headers, body } = request;
  return [
    'the upstream got',
    `${INDENT}${clean(`${method} ${path}`)} for ${clean(authority)}`,
    ...fieldLines(headers),
    ...textLines(body, ''),
  ];
}

function responseLines({ result: { response, error } }: PluginRun): string[] {
  if (response === null) return ['the client got a reset'];
  const { status, headers, body } = response;
  return [
    `the client got ${status}${error === null ? '' : `, of the gateway itself: ${error}`}`,
    ...fieldLines(headers),
    ...textLines(body, ''),
  ];
}

function fieldLines(headers: Readonly<Record<string, string>>, mark = ''): string[] {
  return Object.entries(headers).map(([name, value]) => INDENT + mark + fieldText(name, value));
}

/** Headers have one character for each byte, which most mean as UTF-8. */
function fieldText(name: string, value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  return shortened(clean(`${name}: ${isUtf8(bytes) ? bytes.toString('utf8') : value}`));
}

function textLines(text: string, mark: string): string[] {
  return text === ''
    ? []
    : shortened(text)
        .split('\n')
        .map((line) => INDENT + mark + clean(line));
}

function logLine({ level, message, fields }: LogLine): string {
  return `${INDENT}${level}: ${shortened(clean(message))}${failureText(fields)}`;
}

/** A text, or its beginning and its length. */
export function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;
}

function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}
