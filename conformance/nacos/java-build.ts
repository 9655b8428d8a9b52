// Builds the two Maven projects below java/ and says where their class paths are.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const javaRoot = join(import.meta.dirname, 'java');
const buildTimeoutMs = 15 * 60_000; // a cold build downloads about 180 MB

export type Availability = { available: true } | { available: false; reason: string };

let prepared: Promise<Availability> | undefined;

/**
 * Makes sure that the Java server and the Java provider are built, once per checkout: jars newer than their sources are
 * kept, other processes that build at the same moment are waited for.
 *
 * Resolves to `available: false` with a reason where `java` 17 or `mvn` is missing. Rejects when the build itself fails
 * or a third party's server jar is not the one that was examined: a suite must not skip silently then.
 */
export function prepareRealNacos(): Promise<Availability> {
  prepared ??= prepare();
  return prepared;
}

/** The class path of a built project, wildcard included. */
export function classPath(project: 'server' | 'client'): string {
  const target = join(javaRoot, project, 'target');
  return `${jarOf(project)}:${join(target, 'lib')}/*`;
}

async function prepare(): Promise<Availability> {
  const java = await majorJavaVersion();
  if (java === undefined) return { available: false, reason: 'java is not on the PATH' };
  if (java < 17) return { available: false, reason: `java ${java} is too old: Nacos 3 needs 17` };
  return withBuildLock(async () => {
    for (const project of ['server', 'client'] as const) {
      if (isBuilt(project)) continue;
      if (!(await hasMaven())) return { available: false, reason: 'mvn is not on the PATH' };
      await build(project);
    }
    checkServerJars();
    return { available: true };
  });
}

async function majorJavaVersion(): Promise<number | undefined> {
  try {
    const { stderr } = await run('java', ['-version']); // java prints its version there
    const found = /version "(\d+)/.exec(stderr);
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}

async function hasMaven(): Promise<boolean> {
  return run('mvn', ['-v']).then(
    () => true,
    () => false,
  );
}

function jarOf(project: 'server' | 'client'): string {
  const name = project === 'server' ? 'nacos-server-harness-1.jar' : 'nacos-provider-1.jar';
  return join(javaRoot, project, 'target', name);
}

/** The stamp is written last, so that an interrupted build does not count. */
function stampOf(project: string): string {
  return join(javaRoot, project, 'target', 'built');
}

function isBuilt(project: 'server' | 'client'): boolean {
  const stamp = statSync(stampOf(project), { throwIfNoEntry: false });
  if (stamp === undefined) return false;
  const root = join(javaRoot, project);
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join(root, 'src', name),
  );
  return [join(root, 'pom.xml'), ...sources].every((file) => statSync(file).mtimeMs <= stamp.mtimeMs);
}

async function build(project: 'server' | 'client'): Promise<void> {
  const cwd = join(javaRoot, project);
  try {
    await run('mvn', ['-B', '-ntp', 'clean', 'package'], { cwd, timeout: buildTimeoutMs, maxBuffer: 64 << 20 });
  } catch (error) {
    const output = String((error as { stdout?: string }).stdout ?? error);
    throw new Error(`mvn failed in ${cwd}:\n${output.split('\n').slice(-30).join('\n')}`, { cause: error });
  }
  writeFileSync(stampOf(project), '');
}

/** The server modules are a third party's rebuilds: run only the bytes that were looked at. */
function checkServerJars(): void {
  const lib = join(javaRoot, 'server', 'target', 'lib');
  for (const line of readFileSync(join(javaRoot, 'server', 'jars.sha256'), 'utf8')
    .trim()
    .split('\n')) {
    const [expected, name] = line.split(/\s+/) as [string, string];
    const actual = createHash('sha256')
      .update(readFileSync(join(lib, name)))
      .digest('hex');
    if (actual !== expected) throw new Error(`${name}: SHA-256 is ${actual}, jars.sha256 says ${expected}`);
  }
}

async function withBuildLock<T>(work: () => Promise<T>): Promise<T> {
  const key = createHash('sha256').update(javaRoot).digest('hex').slice(0, 12);
  const lock = join(tmpdir(), `sluice-nacos-build-${key}`);
  const deadline = Date.now() + buildTimeoutMs;
  while (!tryLock(lock)) {
    if (Date.now() > deadline) throw new Error(`another build has held ${lock} for too long`);
    await sleep(500);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return true;
  } catch {
    if (holderIsGone(lock)) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function holderIsGone(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8') || process.pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
