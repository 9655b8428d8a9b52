import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { output } from '../machine.ts';
import { freePort, listening } from '../processes.ts';
import { CACHE, type Demands, peerFile, type Place, type Running, type Subject } from './subject.ts';

const run = promisify(execFile);
const SOURCE = peerFile('spring-cloud-gateway');
/** Where it is built. */
const SPRING = join(CACHE, 'spring-cloud-gateway');
const TARGET = join(SPRING, 'target');
/** Digest of the sources that it was built of. */
const BUILT = join(TARGET, 'sources.digest');

/** The heap is fixed, and the collector is the one that costs least on one core. */
const JAVA = ['java', '-Xms512m', '-Xmx512m', '-XX:+UseSerialGC'];

/** Spring Cloud Gateway on Netty with its native transport. */
export const springCloudGateway: Subject = {
  name: 'spring-cloud-gateway',
  warmUp: 60,
  lasts: true,

  async install(tell) {
    if ((await output('java', '-version')) === null) throw new Error('java is not installed');
    const digest = await sourcesDigest();
    if ((await readFile(BUILT, 'utf8').catch(() => '')) === digest) return;
    tell('builds with Maven');
    await rm(SPRING, { recursive: true, force: true });
    await cp(SOURCE, SPRING, { recursive: true });
    await run('mvn', ['-B', '-ntp', '-q', 'clean', 'package'], { cwd: SPRING, maxBuffer: 64 << 20 });
    await writeFile(BUILT, digest);
  },

  async obstacle({ tls, routes }: Demands) {
    return tls || routes === 'many' ? 'is set up for one route without TLS' : null;
  },

  async versions() {
    const pom = await readFile(join(SPRING, 'pom.xml'), 'utf8');
    const version = (name: string): string => new RegExp(`<${name}>(.*)</${name}>`).exec(pom)?.[1] ?? 'unknown';
    return {
      'spring-cloud': version('spring-cloud.version'),
      'spring-boot': version('spring-boot.version'),
      java: /version "([^"]*)"/.exec((await output('java', '-version')) ?? '')?.[1] ?? 'unknown',
    };
  },

  async start({ processes, upstreamPort }: Place): Promise<Running> {
    const port = await freePort();
    const classPath = `${join(TARGET, 'spring-cloud-gateway-subject-1.jar')}:${join(TARGET, 'lib')}/*`;
    const child = processes.start('subject', [...JAVA, '-cp', classPath, 'sluice.bench.Subject'], {
      PORT: `${port}`,
      UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
    });
    await listening('spring-cloud-gateway', child, port, 120);
    return { port, child };
  },
};

async function sourcesDigest(): Promise<string> {
  const entries = await readdir(SOURCE, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(file).update(await readFile(file));
  return hash.digest('hex');
}
