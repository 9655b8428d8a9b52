import { expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { TimerWheel } from '../core/wheel.ts';
import type { CalloutRequest, CalloutResponse, CalloutResult } from '../wasm/host.ts';
import type { TestUpstream } from './drive.ts';
import { type TestCallout, TestServices } from './test-services.ts';

/** What a plugin hears of an answer, and what the test is told of it. */
async function ask(method: string, answer: TestUpstream, headers: readonly string[] = []) {
  const asked: TestCallout[] = [];
  const told: [CalloutResult, number | null][] = [];
  const watcher = {
    onCallout: () => (result: CalloutResult, status: number | null) => void told.push([result, status]),
    onFault: (_: unknown, fault: unknown) => expect(fault).toBeNull(),
  };
  const services = new TestServices({
    services: { main: (callout) => (asked.push(callout), answer) },
    grpcServices: {},
    wheel: new TimerWheel(),
    watcher,
  });
  const { promise, resolve } = Promise.withResolvers<[CalloutResponse | null, CalloutResult]>();
  const request = { origin: null, service: 'main', method, path: '/', authority: 'main', headers, body: null };
  const handler = { onCalloutDone: (...heard: [CalloutResponse | null, CalloutResult]) => resolve(heard) };
  services.send({ ...request, timeoutMs: 1000 } as unknown as CalloutRequest, handler);
  const [response, result] = await promise;
  const shown = response && { ...response, body: Buffer.from(response.body).toString() };
  return { response: shown, result, told, asked };
}

it.each<[string, string, TestUpstream, string[], string]>([
  ['announces its length', 'GET', { body: 'abc' }, [':status', '200', 'content-length', '3'], 'abc'],
  ['announces none of chunks', 'GET', { body: ['a', 'bc'] }, [':status', '200'], 'abc'],
  ['has no body for HEAD', 'HEAD', { body: 'abc' }, [':status', '200', 'content-length', '3'], ''],
  ['has no body with 204', 'GET', { status: 204, body: 'abc' }, [':status', '204'], ''],
])('the answer of a service %s', async (_what, method, answer, headers, body) => {
  const status = answer.status ?? 200;
  const response = { headers, body, trailers: [] };
  expect(await ask(method, answer)).toMatchObject({ response, result: 'success', told: [['success', status]] });
});

it('the answer of a service is none where a gateway would not hold it', async () => {
  const { response, result, told } = await ask('GET', { body: 'x'.repeat(LIMITS.pluginCalloutBodyBytes + 1) });
  expect([response, result, told]).toEqual([null, 'too-large', [['too-large', null]]]);
});

it('a service gets of framing and connections what the gateway says', async () => {
  const { asked } = await ask('POST', {}, ['x-a', '1', 'content-length', '99', 'connection', 'close']);
  expect(asked[0]!.headers).toEqual({ 'x-a': '1' });
});
