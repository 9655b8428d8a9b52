import { readFile, stat } from 'node:fs/promises';
import { reasonOf } from '../config/files.ts';
import { sizeText } from '../config/schema-common.ts';
import { LIMITS } from '../core/limits.ts';
import { inspectModule, type ModuleReport, type SizeReport } from '../wasm/inspect.ts';
import { PAGE_BYTES } from '../wasm/rewrite.ts';
import { clean } from './clean-text.ts';
import { manifestRows } from './manifest-text.ts';

export interface InspectOptions {
  /** Path of the module. */
  readonly file: string;
  /** One JSON object in place of lines. Default false. */
  readonly json?: boolean;
  /** Takes the output, line by line, without line ends. */
  readonly print: (line: string) => void;
  /** Takes why there is none. */
  readonly printError: (line: string) => void;
}

/** Larger files are no modules that anybody should wait for; those above the limit of modules are still told of. */
const MOST_BYTES = 4 * LIMITS.pluginModuleBytes;

/**
 * `sluice plugin inspect`: prints what is in a module and what it would be refused for. Nothing of it runs. Resolves to
 * the exit code: 0 it would run, 2 it would be refused, 1 it cannot be read.
 */
export async function inspectPlugin({ file, json = false, print, printError }: InspectOptions): Promise<number> {
  const bytes = await readModule(file);
  if (typeof bytes === 'string') {
    if (json) print(JSON.stringify({ file, ok: false, error: bytes }, null, 2));
    else printError(`${file}: ${bytes}`);
    return 1;
  }
  const report = inspectModule(bytes);
  const ok = report.refusals.length === 0;
  if (json) print(JSON.stringify({ file, ok, ...report }, null, 2));
  else for (const line of describe(file, report)) print(line);
  return ok ? 0 : 2;
}

/** The file, or why it cannot be read. */
async function readModule(file: string): Promise<Uint8Array | string> {
  try {
    const status = await stat(file);
    // Opening a pipe or a device would wait for ever.
    if (!status.isFile()) return 'this is not a regular file';
    if (status.size > MOST_BYTES)
      return `it has ${status.size} bytes; modules have at most ${LIMITS.pluginModuleBytes}`;
    return await readFile(file);
  } catch (error) {
    return `the file cannot be read (${reasonOf(error)})`;
  }
}

function describe(file: string, report: ModuleReport): string[] {
  const { imports, sections, memory, tables, refusals, warnings } = report;
  const real = imports.filter(({ kind }) => kind === 'real').map(({ name }) => name);
  const custom = sections.filter((section) => section.custom);
  const rows: [label: string, values: readonly string[]][] = [
    ['sha256', [report.sha256]],
    ['size', [sized(report.bytes)]],
    ['abi', [report.abi || 'none: it has no marker']],
    ['language', [languageOf(report)]],
    ['functions', [`${report.functions}, and ${imports.length} imported`]],
    [
      'memory',
      [memory === null ? 'none' : `${memoryOf(memory)}; limits.memory of ${sizeText(report.leastMemory)} or more`],
    ],
    ['tables', tables.map(tableOf)],
    ['callbacks', report.callbacks],
    ['exports', report.otherExports],
    ['imports', real],
    ['sections', sections.filter((section) => !section.custom).map(({ name, bytes }) => `${name} ${sized(bytes)}`)],
    ...manifestRows(report.manifest),
    ['custom', custom.map(({ name, bytes }) => `${shown(name)} ${sized(bytes)}`)],
    ['warnings', warnings],
    ['refused', refusals],
  ];
  const lines = rows.flatMap(([label, values]) => block(label, values));
  return [file, ...lines, refusals.length === 0 ? 'It would run.' : 'It would be refused.'];
}

const LABEL = 11;
const WIDTH = 100;
const LONGEST = 300;
const ONE_A_LINE: readonly string[] = ['manifest', 'config', 'warnings', 'refused'];

/** A label and its values, as many in a line as fit; none: no line. */
function block(label: string, values: readonly string[]): string[] {
  const lines: string[] = [];
  for (const value of values.map(shown)) {
    const last = lines.at(-1);
    if (last !== undefined && !ONE_A_LINE.includes(label) && last.length + value.length + 2 <= WIDTH) {
      lines[lines.length - 1] = `${last}, ${value}`;
    } else lines.push(value);
  }
  return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(LABEL)}${line}`);
}

function memoryOf({ initial, maximum }: SizeReport): string {
  const size = (pages: number): string => sizeText(pages * PAGE_BYTES);
  return maximum === null ? `${size(initial)}, growing` : `${size(initial)} to ${size(maximum)}`;
}

function tableOf({ initial, maximum }: SizeReport): string {
  if (maximum === null) return `${initial} elements, growing`;
  return maximum === initial ? `${initial} elements` : `${initial} to ${maximum} elements`;
}

function sized(bytes: number): string {
  return bytes < 10_240 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}

function languageOf({ language, producers }: ModuleReport): string {
  const tools = [...(producers['language'] ?? []), ...(producers['processed-by'] ?? [])].join(', ');
  if (language === '') return tools === '' ? 'unknown' : `unknown (${tools})`;
  return tools === '' ? `probably ${language}` : `${language} (${tools})`;
}

/** Names in a module are its author's. */
function shown(text: string): string {
  return clean(text).slice(0, LONGEST);
}
