import { createServer, type Server } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { awaitTakeover } from './plugin-takeover.ts';

let server: Server;
afterEach(() => void server.close());

/** An admin API that shows one state of the modules after the other, the last one again and again. */
async function gatewayShowing(...states: object[][]): Promise<string> {
  server = createServer((_request, response) => {
    const modules = states.length > 1 ? states.shift() : states[0];
    response.end(JSON.stringify({ modules }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const module = (plugin: string, digest: string, error = '') => ({ plugin, source: `/${plugin}.wasm`, digest, error });
const wanted = (plugin?: string) => ({ digest: 'new', path: '/a.wasm', plugin });
const endless = new AbortController().signal;

it('waits until every plugin from the file has the module', async () => {
  const copy = { ...module('copy', 'old'), source: '/a.wasm' };
  const fresh = { ...copy, digest: 'new' };
  const origin = await gatewayShowing(
    [module('a', 'old'), copy],
    [module('a', 'new'), copy],
    [module('a', 'new'), fresh],
  );
  expect(await awaitTakeover(origin, wanted(), endless)).toEqual({ inUse: true, reason: '' });
});

it('gives the reason of this module, not of a former one', async () => {
  const origin = await gatewayShowing([module('a', 'old', 'former')], [module('a', 'old', 'it traps')]);
  expect(await awaitTakeover(origin, wanted('a'), endless)).toEqual({ inUse: false, reason: 'it traps' });
});

it('says what the catalogue has instead', async () => {
  const origin = await gatewayShowing([module('b', 'x')]);
  expect((await awaitTakeover(origin, wanted(), endless)).reason).toMatch(/source: "file:\/a\.wasm".*b \(\/b\.wasm\)/);
  expect((await awaitTakeover(origin, wanted('a'), endless)).reason).toMatch(/no plugin a, but b/);
});

it('says which file a plugin comes from when that is another one, and waits no longer than it may', async () => {
  const origin = await gatewayShowing([module('b', 'x')]);
  const { reason } = await awaitTakeover(origin, wanted('b'), AbortSignal.abort());
  expect(reason).toBe('its plugin b comes from /b.wasm, which is not the file that was built');
});

it('says that something else than an admin API has answered', async () => {
  server = createServer((_request, response) => void response.end('{"path":"/api/plugins"}')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  await expect(awaitTakeover(origin, wanted(), endless)).rejects.toThrow('did not answer as an admin API does');
});
