// A clean copy of the sources, as a clone would hold them, so that what suites build stays out of the work tree.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Copies what git knows or would add to `directory`, as it is on disk. */
export function copySources(directory: string): void {
  const { stdout, status, stderr } = spawnSync('git', ['ls-files', '-coz', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`git cannot list the sources: ${stderr}`);
  for (const file of stdout.split('\0')) {
    const source = join(ROOT, file);
    if (file !== '' && existsSync(source)) cpSync(source, join(directory, file));
  }
}

/** Lets a copy use the packages that are installed here. */
export function borrowPackages(directory: string): void {
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
}
