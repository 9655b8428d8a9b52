import { cp, mkdir, readdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reasonOf } from '../config/files.ts';
import type { Output } from './output.ts';
import { PluginFolderError } from './plugin-folder.ts';
import { type PackageSpecs, packageSpecs } from './plugin-packages.ts';
import { shellWord } from './shell-word.ts';
import { isSystemError } from './system-error.ts';

export interface NewOptions extends Output {
  /** Of the plugin: lower-case letters, digits and -, at most 63 characters. */
  readonly name: string;
  /** To be made, or empty; default the name, below the working directory. */
  readonly folder?: string;
  /** Version, tarball or folder of `@sluice/gateway`; default where this program came from, else its version. */
  readonly gateway?: string;
  /** The same of `@sluice/plugin-sdk`. */
  readonly sdk?: string;
}

const TEMPLATE = fileURLToPath(new URL('../../templates/plugin', import.meta.url));
/** What the template calls itself. */
const TEMPLATE_NAME = 'my-plugin';
const NAME = /^[a-z][a-z0-9-]{0,62}$/;
/** Files in which the name stands. */
const NAMED = ['plugin.json', 'package.json', 'README.md', 'plugin.test.ts'];

/** `sluice plugin new`: makes a folder with a plugin that works. Resolves to the exit code: 0, or 1 when it was not made. */
export async function newPlugin(options: NewOptions): Promise<number> {
  const { name, print, printError } = options;
  const folder = resolve(options.folder ?? name);
  try {
    refuseName(name);
    const there = await refuseFolder(folder, name);
    const place = there ? await realpath(folder) : await placeOf(folder);
    const specs = await packageSpecs({ folder: place, gateway: options.gateway, sdk: options.sdk });
    if (!there) await mkdir(place);
    await fill(place, name, specs);
    for (const line of welcome(folder, specs)) print(line);
    return 0;
  } catch (error) {
    if (!(error instanceof PluginFolderError || isSystemError(error))) throw error;
    printError(error instanceof PluginFolderError ? error.message : `${folder} cannot be written (${reasonOf(error)})`);
    return 1;
  }
}

function refuseName(name: string): void {
  if (NAME.test(name)) return;
  const suggestion = name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 63);
  const rule = 'a name begins with a lower-case letter and has lower-case letters, digits and -, 63 at most';
  const example = NAME.test(suggestion) ? `; for instance: sluice plugin new ${suggestion}` : '';
  throw new PluginFolderError(`${JSON.stringify(name)} cannot be the name of a plugin: ${rule}${example}`);
}

/** Whether it is there, and as good as empty. @throws PluginFolderError when it cannot be used */
async function refuseFolder(folder: string, name: string): Promise<boolean> {
  const remedy = `give another folder: sluice plugin new ${name} FOLDER`;
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    if (error.code === 'ENOTDIR') throw new PluginFolderError(`${folder} is a file, or below one; ${remedy}`);
    throw error;
  });
  // A repository that has just been made is as good as empty.
  if (there?.every((entry) => entry === '.git') ?? true) return there !== null;
  throw new PluginFolderError(`${folder} is there already and is not empty; ${remedy}`);
}

/** Path without links of a folder to be made; makes what it is in. */
async function placeOf(folder: string): Promise<string> {
  await mkdir(dirname(folder), { recursive: true });
  return join(await realpath(dirname(folder)), basename(folder));
}

async function fill(folder: string, name: string, { gateway, sdk }: PackageSpecs): Promise<void> {
  await cp(TEMPLATE, folder, { recursive: true });
  // Packages cannot carry a .gitignore.
  await rename(join(folder, 'gitignore'), join(folder, '.gitignore'));
  for (const file of NAMED) {
    const path = join(folder, file);
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll(TEMPLATE_NAME, name));
  }
  const path = join(folder, 'package.json');
  const text = JSON.parse(await readFile(path, 'utf8')) as { devDependencies: Record<string, string> };
  if (gateway !== null) text.devDependencies['@sluice/gateway'] = gateway;
  if (sdk !== null) text.devDependencies['@sluice/plugin-sdk'] = sdk;
  await writeFile(path, `${JSON.stringify(text, null, 2)}\n`);
}

function welcome(folder: string, { gateway, sdk }: PackageSpecs): string[] {
  const place = relative(process.cwd(), folder) || '.';
  const lines = [
    `Made ${place}: a plugin that adds a header to requests and responses. Go on with`,
    '',
    ...(place === '.' ? [] : [`  cd ${shellWord(place.startsWith('-') ? `./${place}` : place)}`]),
    '  npm install',
    '  npm run dev     # a gateway with the plugin in it, and a curl line to try',
    '  npm test',
  ];
  if (gateway !== null && sdk === null) {
    lines.push('', 'The SDK will come from the package registry; give --sdk FILE when you have it as a file.');
  }
  return lines;
}
