import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILD = resolve(import.meta.dirname, '../build/gateway');

let compiled: Promise<string> | null = null;

/**
 * The gateway as its package ships it: compiled, since what strips types of the sources takes memory in every thread.
 * Made once, apart from the sources. @returns the path of its launcher
 */
export function shippedGateway(): Promise<string> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<string> {
  await rm(BUILD, { recursive: true, force: true });
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const project = join(ROOT, 'gateway/tsconfig.build.json');
  await promisify(execFile)(process.execPath, [compiler, '-p', project, '--outDir', join(BUILD, 'dist')]);
  for (const part of ['bin', 'package.json']) {
    await cp(join(ROOT, 'gateway', part), join(BUILD, part), { recursive: true });
  }
  return join(BUILD, 'bin/sluice.js');
}
