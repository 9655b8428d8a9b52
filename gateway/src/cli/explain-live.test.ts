import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Folder } from './explain.suite.ts';
import type { LiveService } from './explanation.ts';

let folder: Folder;
let server: Server;
let admin: string;
let answer: { status: number; body: string };
const paths: string[] = [];

beforeAll(async () => {
  folder = new Folder();
  server = createServer((request, response) => {
    paths.push(request.url ?? '');
    response.writeHead(answer.status).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  admin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  folder.remove();
});

/** Endpoints of the service `web` as `lane:weight:healthy` each. */
function running(...endpoints: string[]): void {
  const list = endpoints.map((text, index) => {
    const [lane, weight, healthy] = text.split(':');
    return { address: `10.0.0.${index}:80`, lane, weight: Number(weight), healthy: healthy === 'true', cluster: '' };
  });
  const ref = { registry: 'local', namespace: 'prod', group: '', name: 'web' };
  const service = { tenant: 'home', service: 'web', ...ref, state: 'fresh', endpoints: list };
  answer = { status: 200, body: JSON.stringify({ services: [service], registries: [] }) };
}

async function live(...headers: string[]): Promise<LiveService & { code: number }> {
  const { code, action } = await folder.explain('http://app.example.com/', headers, { admin });
  return { code, ...(action?.kind === 'upstream' ? action.services[0]!.live! : expect.unreachable()) };
}

function pickable({ endpoints }: LiveService): string[] {
  return endpoints.filter((endpoint) => endpoint.pickable).map(({ address }) => address);
}

describe('sluice explain --admin', () => {
  it('shows who may be picked for the lane', async () => {
    running('baseline:1:true', 'gray:1:true', 'gray:0:true', 'gray:1:false', 'gray:2:true');
    const gray = await live('x-model: cam-2');
    expect(pickable(gray)).toEqual(['10.0.0.1:80', '10.0.0.4:80']);
    expect(gray).toMatchObject({ code: 0, state: 'fresh', outcome: 'gray serves; baseline would if it were empty' });
    expect(paths).toEqual(['/api/services']);
    const baseline = await live();
    expect(pickable(baseline)).toEqual(['10.0.0.0:80']);
    expect(baseline.outcome).toBe('baseline serves');
  });

  it('falls back to baseline, or not', async () => {
    running('baseline:1:true', 'gray:1:false');
    const gray = await live('x-model: cam-2');
    expect(pickable(gray)).toEqual(['10.0.0.0:80']);
    expect(gray.outcome).toBe('gray has no usable endpoint: baseline serves');
    const beta = await live('x-mse-tag: beta');
    expect(beta).toMatchObject({
      code: 2,
      outcome: 'beta has no usable endpoint, and its fallback is reject',
      refusal: { code: 'SLUICE_LANE_NO_ENDPOINT' },
    });
  });

  it('sends baseline to no lane', async () => {
    running('gray:1:true');
    const baseline = await live();
    expect(pickable(baseline)).toEqual([]);
    expect(baseline).toMatchObject({ code: 2, refusal: { code: 'SLUICE_UPSTREAM_NO_ENDPOINT' } });
  });

  it('says when the gateway does not know the service', async () => {
    answer = { status: 200, body: '{"services":[]}' };
    expect(await live()).toMatchObject({ code: 2, state: 'unknown', endpoints: [] });
  });

  it('prints the endpoints', async () => {
    running('baseline:1:true', 'gray:1:false');
    const { out } = await folder.run(['http://app.example.com/'], { admin });
    expect(out).toEqual(
      expect.arrayContaining([
        '            fresh: baseline serves',
        '            10.0.0.0:80 baseline, weight 1, healthy: may be picked',
        '            10.0.0.1:80 gray, weight 1, unhealthy',
      ]),
    );
  });

  it.each([
    ['another status', 404, '{}', /answered 404/],
    ['another answer', 200, '{"services":[{}]}', /did not answer as an admin API does/],
    ['no JSON', 200, '<html>', /did not answer as an admin API does/],
  ])('explains from the files and fails on %s', async (_what, status, body, message) => {
    answer = { status, body };
    const { code, out, errors } = await folder.run(['http://app.example.com/'], { admin });
    expect(code).toBe(1);
    expect(out).toContain('tenant    home, by its domain app.example.com');
    expect(errors.join('\n')).toMatch(message);
  });
});
