import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { startFakeNacos } from '../../../../conformance/nacos/fake-server.ts';

const auth = { username: 'gateway', password: 'secret' };

/**
 * Subscribes, says so, closes when told, and prints what is still active. Ends by itself only when nothing holds it.
 * `away`: does not wait for an answer.
 */
const program = `
  const [module, address, mode] = process.argv.slice(1);
  const { createRegistries, loadNacos } = await import(module);
  const drop = () => {};
  const log = { debug: drop, info: drop, warn: drop, error: drop };
  const nacos = { type: 'nacos', servers: [address], username: 'gateway', password: 'secret', grpcPortOffset: 1000 };
  const config = { registries: { nacos } };
  const registries = createRegistries(config, { log, nacos: await loadNacos(config) });
  const ref = { registry: 'nacos', namespace: 'public', group: '', name: 'users' };
  if (mode === 'away') registries.subscribe(ref, drop);
  else await new Promise((resolve) => registries.subscribe(ref, resolve));
  console.log('"ready"');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  process.stdin.destroy();
  await registries.close();
  await new Promise((resolve) => setImmediate(resolve));
  console.log(JSON.stringify(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')));
`;

describe('a closed nacos source', () => {
  const module = fileURLToPath(new URL('../registries.ts', import.meta.url));
  const stops: (() => Promise<void>)[] = [];

  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });

  /** Runs the program; resolves with the timers it left when it has ended. */
  async function run(address: string, mode: string, beforeClose: () => void = () => {}): Promise<unknown> {
    const args = ['--input-type=module', '-e', program, module, address, mode];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    const lines: unknown[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line));
      if (lines.length > 1) return;
      beforeClose();
      child.stdin.write('close');
    });
    stops.push(() => Promise.resolve(void child.kill()));
    expect(await exit).toEqual([0, null]);
    return lines[1];
  }

  it('holds neither sockets nor timers', async () => {
    const fake = await startFakeNacos({ auth });
    stops.push(() => fake.stop());
    expect(await run(fake.address, 'connected')).toEqual([]);
  });

  it('is not held by a connection that is half open', async () => {
    const fake = await startFakeNacos({ auth });
    stops.push(() => fake.stop());
    expect(await run(fake.address, 'connected', () => fake.freeze())).toEqual([]);
  });

  it('lets the process end that never reached a server', async () => {
    expect(await run('127.0.0.1:1', 'away')).toEqual([]);
  });
});
