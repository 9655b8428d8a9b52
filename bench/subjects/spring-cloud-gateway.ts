import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from '../machine.ts';
import { freePort, listening } from '../processes.ts';
import { CACHE, type Demands, type Place, type Running, type Subject } from './subject.ts';

/** Where `setup.ts` builds peers/spring-cloud-gateway. */
export const SPRING = join(CACHE, 'spring-cloud-gateway');
const TARGET = join(SPRING, 'target');

/** The heap is fixed, and the collector is the one that costs least on one core. */
const JAVA = ['java', '-Xms512m', '-Xmx512m', '-XX:+UseSerialGC'];

/** Spring Cloud Gateway on Netty with its native transport. */
export const springCloudGateway: Subject = {
  name: 'spring-cloud-gateway',
  warmUp: 60,

  async obstacle({ tls, routes }: Demands) {
    if (tls || routes === 'many') return 'is set up for one route without TLS';
    const built = await stat(join(TARGET, 'lib')).catch(() => null);
    if (built === null) return 'Spring Cloud Gateway is not built: npx node bench/setup.ts spring-cloud-gateway';
    return (await output('java', '-version')) === null ? 'java is not installed' : null;
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
