import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PluginFolderError } from './plugin-folder.ts';

/** What the `package.json` of a new plugin asks for; null: what the template says, versions that belong to this program. */
export interface PackageSpecs {
  readonly gateway: string | null;
  readonly sdk: string | null;
}

export interface PackageChoice {
  /** Of the new plugin, absolute; files are named relative to it. */
  readonly folder: string;
  /** Version, tarball or folder, as the author says it. */
  readonly gateway: string | undefined;
  readonly sdk: string | undefined;
  /** Folder of this program's own package. Default: its own. */
  readonly program?: string;
}

const PROGRAM = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where a new plugin gets gateway and SDK from: what the author says; else the files that this program itself was
 * installed from; else the package registry.
 * @throws PluginFolderError for a file that is not there
 */
export async function packageSpecs({ folder, program = PROGRAM, ...said }: PackageChoice): Promise<PackageSpecs> {
  const own = await installedFrom(program);
  const spec = (option: '--gateway' | '--sdk', text: string | undefined, name: string): string | null => {
    if (text !== undefined) return specOf(option, text, folder);
    const file = own.get(name);
    return file === undefined ? null : fileSpec(folder, file);
  };
  return {
    gateway: spec('--gateway', said.gateway, '@sluice/gateway'),
    sdk: spec('--sdk', said.sdk, '@sluice/plugin-sdk'),
  };
}

/** Tarballs and folders are told from versions by their looks, or because they are there. */
function specOf(option: string, text: string, folder: string): string {
  if (text.trim() === '') throw new PluginFolderError(`${option} is empty; give a tarball, a folder or a version`);
  const file = resolve(text.replace(/^file:/, ''));
  if (existsSync(file)) return fileSpec(folder, file);
  if (/^file:|^[./~\\]|[\\/]|\.t(ar\.)?gz$/.test(text)) {
    throw new PluginFolderError(`${option} ${text}: there is no such file; give a tarball, a folder or a version`);
  }
  return text;
}

function fileSpec(folder: string, file: string): string {
  return `file:${relative(folder, file).split(sep).join('/')}`;
}

/** Absolute paths of the packages that stand as files in the `package.json` by which this program was installed. */
async function installedFrom(program: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const at = program.lastIndexOf(`${sep}node_modules${sep}`);
  if (at === -1) return found;
  const root = program.slice(0, at);
  for (const [name, spec] of Object.entries(await dependenciesIn(join(root, 'package.json')))) {
    if (spec.startsWith('file:')) found.set(name, resolve(root, spec.slice('file:'.length)));
  }
  return found;
}

/** None when the file is not there or cannot be read: it is not this program's. */
async function dependenciesIn(file: string): Promise<Record<string, string>> {
  try {
    const { dependencies, devDependencies } = JSON.parse(await readFile(file, 'utf8')) as Partial<
      Record<'dependencies' | 'devDependencies', Record<string, string>>
    >;
    return { ...dependencies, ...devDependencies };
  } catch {
    return {};
  }
}
