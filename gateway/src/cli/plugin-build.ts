import { relative } from 'node:path';
import type { Output } from './output.ts';
import { type CompiledPlugin, PluginFolder, PluginFolderError, type PluginManifest } from './plugin-folder.ts';

export interface BuildOptions extends Output {
  /** Of the plugin. */
  readonly folder: string;
  /** Keep the names of functions, for the stacks of traps. Default false. */
  readonly debug?: boolean;
  /** One JSON object in place of lines. Default false. */
  readonly json?: boolean;
}

const CANNOT = 1;
const DOES_NOT_COMPILE = 2;
/** Sections that are worth a word. */
const LARGEST = 3;

/**
 * `sluice plugin build`: compiles the plugin of a folder with the SDK that is installed there. Resolves to the exit code:
 * 0 built or up to date, 2 it does not compile, 1 it cannot be tried.
 */
export async function buildPlugin(options: BuildOptions): Promise<number> {
  const { folder, debug = false, json = false, print, printError } = options;
  try {
    const { plugin, error } = await (await PluginFolder.open(folder)).build({ debug });
    if (plugin === null) {
      if (json) print(JSON.stringify({ ok: false, error }, null, 2));
      else printError(error);
      return DOES_NOT_COMPILE;
    }
    if (json) print(JSON.stringify({ ok: true, ...plugin }, null, 2));
    else tell(plugin, options);
    return 0;
  } catch (error) {
    if (!(error instanceof PluginFolderError)) throw error;
    if (json) print(JSON.stringify({ ok: false, error: error.message }, null, 2));
    else printError(error.message);
    return CANNOT;
  }
}

function tell(plugin: CompiledPlugin, { print, printError }: Output): void {
  if (plugin.warnings !== '') printError(plugin.warnings);
  for (const line of describe(plugin)) print(line);
}

function describe({ path, size, compiled, manifest, sections }: CompiledPlugin): string[] {
  const file = relative(process.cwd(), path);
  const largest = sections.toSorted((a, b) => b.bytes - a.bytes).slice(0, LARGEST);
  const rows: [label: string, text: string][] = [
    ['size', `${size} bytes: ${largest.map(({ name, bytes }) => `${name} ${bytes}`).join(', ')}`],
    ['phases', manifest.phases.join(', ') || 'none: the gateway has nothing to call it for'],
    ['config', configText(manifest)],
    ['wants', wantsText(manifest)],
  ];
  const title = `${manifest.name} ${manifest.version}: ${file}${compiled ? '' : ', up to date'}`;
  return [title, ...rows.map(([label, text]) => `  ${label.padEnd(8)}${text}`)];
}

/** The keys of the configuration; those that have to be there are marked. */
function configText({ config }: PluginManifest): string {
  if (config === undefined) return 'read by hand, without a schema';
  const keys = Object.keys(config.properties ?? {});
  return keys.map((key) => (config.required?.includes(key) ? `${key} (required)` : key)).join(', ') || 'none';
}

function wantsText({ permissions }: PluginManifest): string {
  const wanted = Object.entries(permissions).filter(([, value]) => !isEmpty(value));
  return wanted.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ') || 'no permissions';
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
