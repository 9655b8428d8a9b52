// Does the harness work? Starts the real server with and without login, drives it once through everything that the suite
// needs, prints how long each step took. Run: node conformance/nacos/real-server.smoke.ts
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { nacosAdmin, prepareRealNacos, startProvider, startRealNacos } from './real-server.ts';
import type { Login, Provider } from './real-server.ts';

async function timed<T>(step: string, work: Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work;
  console.log(`${(performance.now() - start).toFixed(0).padStart(7)} ms  ${step}`);
  return result;
}

const availability = await timed('prepare', prepareRealNacos());
if (!availability.available) {
  console.log(`skipped: ${availability.reason}`);
  process.exit(0);
}
await smoke(undefined);
await smoke({ username: 'nacos', password: 'a-password-with-%-and-&' });
console.log('green');

async function smoke(auth: Login | undefined): Promise<void> {
  console.log(auth ? '-- with login' : '-- without login');
  const nacos = await timed('server usable', startRealNacos(auth ? { auth } : {}));
  const providers: Provider[] = [];
  const provider = (login: Partial<Login> = auth ?? {}): Provider => {
    const started = startProvider({ address: nacos.address, ...login });
    providers.push(started);
    return started;
  };
  try {
    console.log(`           ${nacos.version} at ${nacos.address}, ${residentMiB(nacos.pid)} MiB resident`);
    const admin = nacosAdmin(nacos.address, auth);
    const name = { service: 'device-service' };
    const base = { ...name, ip: '10.0.0.1', port: 8080 };
    const gray = { ...name, ip: '10.0.0.2', port: 8080 };
    const baseProvider = provider();
    const grayProvider = provider();

    await timed('register baseline, JVM start included', baseProvider.register(base));
    await timed('register gray', grayProvider.register({ ...gray, metadata: { 'opensergo.io/canary-gray': 'gray' } }));
    const both = await timed(
      'both listed',
      admin.listUntil(name, (all) => all.length === 2),
    );
    assert.equal(both.find((it) => it.ip === gray.ip)?.metadata['opensergo.io/canary-gray'], 'gray');

    await timed(
      'weight changed by the provider',
      baseProvider.update({ ...base, weight: 2, metadata: { version: 'v1' } }),
    );
    await timed(
      '  listed',
      admin.listUntil(name, (all) => all.some((it) => it.weight === 2 && it.metadata.version === 'v1')),
    );
    await timed('weight edited in the console, listed', admin.edit({ ...base, weight: 5 }));
    await timed('metadata edited, listed', admin.edit({ ...base, metadata: { zone: 'a' } }));
    await timed('disabled, listed', admin.edit({ ...base, enabled: false }));
    await timed('enabled, listed', admin.edit({ ...base, enabled: true }));

    await timed('deregister baseline', baseProvider.deregister(base));
    await timed(
      '  gone from the list',
      admin.listUntil(name, (all) => all.length === 1),
    );
    grayProvider.kill();
    await timed(
      'kill -9 gray, gone from the list',
      admin.listUntil(name, (all) => all.length === 0),
    );

    await timed('namespace created', admin.createNamespace('home-prod'));
    const inProd = { ...base, namespace: 'home-prod', service: 'in-prod' };
    await timed('register in it', baseProvider.register(inProd));
    await timed(
      '  listed',
      admin.listUntil(inProd, (all) => all.length === 1),
    );
    if (auth) await assert.rejects(provider({ ...auth, password: 'wrong' }).register(base), /403/);

    const before = nacos.pid;
    await timed('restart after kill -9', nacos.restart('SIGKILL'));
    assert.notEqual(nacos.pid, before);
    await timed(
      '  provider is back',
      admin.listUntil(inProd, (all) => all.length === 1, 20_000),
    );
    await timed('provider quits', baseProvider.quit());
  } finally {
    for (const started of providers) started.kill();
    await Promise.all(providers.map((started) => started.exited));
    const { pid } = nacos;
    await timed('stop', nacos.stop());
    assert.throws(() => process.kill(pid as number, 0), { code: 'ESRCH' });
  }
}

function residentMiB(pid: number | undefined): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}
