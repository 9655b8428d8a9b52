import type { RequestListener } from 'node:http';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, eventually, HttpUpstream } from '../../gateway/src/server/integration/fixture.suite.ts';
import { GatewayRig, tenantA } from '../../gateway/src/server/integration/gateway-rig.suite.ts';
import { buildPlugin } from '../build.ts';

const SECRET = '{"ssid":"home","wifiPassword":"correct horse"}';
const MASKED = '{"ssid":"home","wifiPassword":"***"}';
const LARGE = JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ({ id: i, wifiPassword: `secret-${i}` })));

/** The service: each path is one way to send a body. */
const answer: RequestListener = ({ url }, response) => {
  response.setHeader('content-type', 'application/json');
  switch (url) {
    case '/length':
      return void response.setHeader('content-length', SECRET.length).end(SECRET);
    case '/chunks':
      for (const character of SECRET) response.write(character);
      return void response.end();
    case '/large':
      return void response.setHeader('content-length', Buffer.byteLength(LARGE)).end(LARGE);
    case '/gzip':
      return void response.setHeader('content-encoding', 'gzip').end(gzipSync(SECRET));
    case '/broken':
      response.write(`[${SECRET},`.padEnd(100_000));
      return void response.end(`"wifiPassword" ${SECRET}`);
    default:
      return void response.end('{"wifiPassword":"short"');
  }
};

let rig: GatewayRig;
let service: HttpUpstream;

beforeAll(async () => {
  const { path } = await buildPlugin('body-mask');
  service = await new HttpUpstream('main', answer).open();
  rig = await GatewayRig.start({
    files: { 'body-mask.wasm': readFileSync(path) },
    gateway: { plugins: [{ name: 'body-mask', source: 'file:body-mask.wasm' }] },
    tenants: { a: tenantA({ plugins: [{ use: 'body-mask', config: { fields: ['wifiPassword'] } }] }) },
    services: { main: [service.address] },
  });
}, 60_000);

beforeEach(() => eventually(() => rig.view('services').then(([main]) => main?.['state'])).toBe('fresh'));

afterAll(async () => {
  await rig.stop();
  await service.close();
});

describe('a route with body-mask', () => {
  it('answers a body of known length with its new length', async () => {
    const { headers, text } = await ask(rig.port, { path: '/length' });
    expect([text, headers['content-length'], headers['transfer-encoding']]).toEqual([MASKED, '36', undefined]);
  });

  it('passes chunks on as they come', async () => {
    const { headers, text } = await ask(rig.port, { path: '/chunks' });
    expect([text, headers['content-length'], headers['transfer-encoding']]).toEqual([MASKED, undefined, 'chunked']);
  });

  it('masks a large body on its way', async () => {
    const { headers, text } = await ask(rig.port, { path: '/large' });
    expect(text).toBe(LARGE.replaceAll(/secret-\d+/g, '***'));
    expect(headers['transfer-encoding']).toBe('chunked');
  });

  it('asks for whole and readable bodies, and refuses what it cannot read', async () => {
    const { status, text } = await ask(rig.port, {
      path: '/gzip',
      headers: { 'accept-encoding': 'gzip', range: 'bytes=20-40' },
    });
    expect(service.last.headers).toMatchObject({ 'accept-encoding': 'identity' });
    expect(service.last.headers).not.toHaveProperty('range');
    expect([status, JSON.parse(text)]).toMatchObject([502, { error: { code: 'SLUICE_BODY_MASK_ENCODED' } }]);
  });

  it('breaks off what turns out to be broken', async () => {
    await expect(ask(rig.port, { path: '/broken' })).rejects.toThrow('aborted');
    expect((await ask(rig.port, { path: '/length' })).text).toBe(MASKED);
  });
});
