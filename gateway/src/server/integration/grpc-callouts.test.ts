import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { echoServer } from '../../upstream/grpc.suite.ts';
import { OWNER, READ_MESSAGE, type SpeakingGuest, speakingGuest } from '../../wasm/grpc.suite.ts';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { HttpClient } from '../listener.suite.ts';
import { ask, HttpUpstream, patiently } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A gateway with the plugin `speaking`, which calls `auth` about each request of tenant `a`. */
async function start(guest: SpeakingGuest, implementation: UntypedServiceImplementation, workers: number) {
  const main = await new HttpUpstream('main').open();
  cleanups.push(() => main.close());
  const { port, server } = await echoServer(implementation);
  const rig = await GatewayRig.start({
    files: { 'speaking.wasm': pluginModule(speakingGuest(guest)) },
    gateway: { workers, plugins: [{ name: 'speaking', source: 'file:speaking.wasm' }] },
    tenants: { a: tenantA({ plugins: [{ use: 'speaking' }], services: { auth: {} } }) },
    services: { main: [main.address], auth: [`127.0.0.1:${port}`] },
  });
  cleanups.push(() => rig.stop());
  const fresh = () => rig.view('services').then((all) => all.every(({ state }) => state === 'fresh'));
  await patiently(fresh).toBe(true);
  const results = (result: string) =>
    rig.metric(`sluice_plugin_callouts_total{tenant="a",plugin="speaking",result="${result}"}`);
  return { rig, server, results };
}

const Say = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
  const [key] = call.metadata.get('x-key');
  if (key === 'right') callback(null, Buffer.from(`yes, ${call.request.toString()}`));
  else callback({ code: 7, details: 'not you' });
};

const Chat = (call: ServerDuplexStream<Buffer, Buffer>): void => {
  call.on('error', () => {});
  call.on('data', (message: Buffer) => call.write(message));
  call.on('end', () => call.end());
};

describe.each([0, 1])('a plugin that calls a gRPC service, workers: %d', (workers) => {
  it('lets through what the service lets through', async () => {
    const { rig, results } = await start({ metadata: ['x-key', 'right'] }, { Say, Chat }, workers);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(rig.port)));
    expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [200, 'main']));
    await patiently(() => results('success')).toBe(20);
  });

  it('refuses what the service refuses, in its words', async () => {
    const { rig } = await start({}, { Say, Chat }, workers);
    expect(await ask(rig.port)).toMatchObject({ status: 507, text: 'not you' });
  });

  it('streams, and hears of a server that dies', async () => {
    // Sends back what it gets, which begins with `q`, until the server is gone.
    const back = `${READ_MESSAGE} (drop (call $grpc_send (local.get 1) (i32.load (i32.const 76)) (i32.load (i32.const 80)) (i32.const 0)))`;
    let messages = 0;
    const counting = (call: ServerDuplexStream<Buffer, Buffer>): void => {
      call.on('data', () => messages++);
      Chat(call);
    };
    const guest = { stream: true, callbacks: { proxy_on_grpc_receive: `${OWNER} ${back}` }, memory: '1 16' };
    const { rig, server, results } = await start(guest, { Say, Chat: counting }, workers);
    const answer = ask(rig.port);
    await patiently(() => messages).toBeGreaterThan(10);
    server.forceShutdown();
    expect((await answer).status).toBe(514);
    await patiently(() => results('reset')).toBe(1);
  });

  it('is not waited for when the client leaves', async () => {
    let cancelled = 0;
    let seen = 0;
    const waiting = (call: ServerUnaryCall<Buffer, Buffer>): void => {
      seen++;
      call.on('cancelled', () => cancelled++);
    };
    const { rig, results } = await start({}, { Say: waiting, Chat }, workers);
    const client = new HttpClient(rig.port, {});
    client.end();
    await patiently(() => seen).toBe(1);
    client.close();
    await patiently(() => cancelled).toBe(1);
    await patiently(async () => (await results('cancelled')) ?? 0).toBe(1);
  });
});
