import { afterEach, describe, expect, it } from 'vitest';
import { issue, type Issued } from '../../config/certificate.suite.ts';
import { open, rawOf, visit } from '../tls.suite.ts';
import { deadPort, eventually, HttpUpstream } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const certificates = [
  { certFile: 'a.crt', keyFile: 'a.key' },
  { certFile: 'b.crt', keyFile: 'b.key' },
];
const https = { name: 'https', address: '127.0.0.1', port: 0, tls: { certificates } };
const here = { id: 'here', match: { path: { exact: '/' } }, respond: { body: 'here' } };
const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

async function start(files: GatewayFiles = {}): Promise<GatewayRig> {
  const [a, b] = [issue({ names: ['a.example'] }), issue({ names: ['*.b.example'] })];
  const pairs = { 'a.crt': a.certificate, 'a.key': a.key, 'b.crt': b.certificate, 'b.key': b.key };
  const tenants = { a: tenantA({ routes: [here, { id: 'all', upstream: { service: 'main' } }] }) };
  const gateway = { listeners: [https], ...files.gateway };
  const rig = await GatewayRig.start({ tenants, ...files, files: { ...pairs, ...files.files }, gateway });
  cleanups.push(() => rig.stop());
  return rig;
}

function writePair(rig: GatewayRig, name: string, { certificate, key }: Pick<Issued, 'certificate' | 'key'>): void {
  rig.directory.writeFile(`${name}.crt`, certificate);
  rig.directory.writeFile(`${name}.key`, key);
}

const handshakes = (rig: GatewayRig, result: string) => rig.metric(`sluice_tls_handshakes_total{result="${result}"}`);

/** Visits again and again, each on a connection of its own. */
function loadOn(port: number) {
  const outcomes: string[] = [];
  const certificates: string[] = [];
  const load = { on: true };
  const run = async (): Promise<void> => {
    while (load.on) {
      const outcome = await visit(port).then(
        ({ text, certificate }) => {
          certificates.push(certificate);
          return text.endsWith('here') ? 'ok' : text;
        },
        (error: unknown) => String(error),
      );
      outcomes.push(outcome);
    }
  };
  const runs = [run(), run()];
  const stop = async (): Promise<string[]> => {
    load.on = false;
    await Promise.all(runs);
    return outcomes;
  };
  cleanups.push(stop);
  return { certificates, stop };
}

describe('a gateway with TLS', () => {
  it('resumes every session, whichever worker began it', async () => {
    const rig = await start({ gateway: { workers: 2 } });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await visit(rig.port, { servername: 'x.b.example', maxVersion });
      let { session } = first;
      expect(first.resumed).toBe(false);
      for (let i = 0; i < 30; i++) {
        const again = await visit(rig.port, { servername: 'x.b.example', maxVersion, session });
        expect(again.resumed).toBe(true);
        // As clients do: a ticket of TLS 1.3 is for one use.
        if (again.session.length > 0) ({ session } = again);
      }
    }
    expect(await handshakes(rig, 'resumed')).toBe(60);
    expect(await handshakes(rig, 'full')).toBe(2);
  });

  it('tells services and the access log of TLS', async () => {
    const upstream = await new HttpUpstream('main').open();
    cleanups.push(() => upstream.close());
    const rig = await start({ services: { main: [upstream.address] } });
    const get = 'GET /up HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
    await eventually(() =>
      visit(rig.port, { servername: 'x.b.example' }, get).then(({ text }) => text.slice(0, 12)),
    ).toBe('HTTP/1.1 200');
    expect(upstream.last.headers).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'a.example' });
    await eventually(() => rig.directory.lines.at(-1)).toMatchObject({ requested_server_name: 'x.b.example' });
  });

  it('exchanges a certificate under load without losing a connection', async () => {
    const rig = await start({ gateway: { workers: 2 } });
    const { certificates: seen, stop } = loadOn(rig.port);
    const client = open(rig.port);
    let text = '';
    client.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    client.write(GET);
    await eventually(() => text.split('here').length).toBe(2);
    for (let round = 1; round <= 3; round++) {
      const next = issue();
      writePair(rig, 'a', next);
      await eventually(() => seen.slice(-10).every((certificate) => certificate === rawOf(next))).toBe(true);
      await eventually(() => rig.metric('sluice_certificate_reloads_total{result="success"}')).toBe(round);
    }
    client.write(GET);
    await eventually(() => text.split('here').length).toBe(3);
    client.destroy();
    const outcomes = await stop();
    expect(outcomes.filter((outcome) => outcome !== 'ok')).toEqual([]);
    expect(await rig.metric('sluice_certificate_reloads_total{result="failure"}')).toBe(0);
  });

  it('keeps a certificate whose new files are broken, and shows it', async () => {
    const rig = await start();
    const { certificate } = await visit(rig.port);
    writePair(rig, 'a', { certificate: issue().certificate, key: issue().key });
    await eventually(() => rig.metric('sluice_certificate_reloads_total{result="failure"}')).toBe(1);
    expect((await visit(rig.port)).certificate).toBe(certificate);
    const [listener] = await rig.view<{ port: number; certificates: { names: string[]; error: string }[] }>(
      'listeners',
    );
    expect(listener!.port).toBe(rig.port);
    expect(listener!.certificates.map(({ names }) => names)).toEqual([['a.example'], ['*.b.example']]);
    expect(listener!.certificates.map(({ error }) => error !== '')).toEqual([true, false]);
    const { text } = await rig.admin('/metrics');
    const expiry =
      /^sluice_certificate_expiry_seconds\{listener="https",name="a\.example",file=".*a\.crt"\} (\d+)$/m.exec(text);
    expect(Number(expiry?.[1]) * 1000).toBeGreaterThan(Date.now());
  });

  it('rotates the key of tickets', async () => {
    const listeners = [{ ...https, tls: { certificates, ticketRotation: '1s' } }];
    const rig = await start({ gateway: { listeners } });
    let { session } = await visit(rig.port);
    const visitAgain = async (): Promise<boolean> => {
      const again = await visit(rig.port, { session });
      if (again.session.length > 0) ({ session } = again);
      return again.resumed;
    };
    await eventually(visitAgain).toBe(true);
    await eventually(visitAgain).toBe(false);
    await eventually(visitAgain).toBe(true);
  });

  it('moves a listener to another port and back, with a request under way', async () => {
    let release = (): void => {};
    const upstream = await new HttpUpstream('main', (_request, response) => {
      release = () => response.end('finished');
    }).open();
    cleanups.push(() => upstream.close());
    const rig = await start({ gateway: { workers: 2 }, services: { main: [upstream.address] } });
    const former = rig.port;
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('fresh');
    const busy = visit(former, {}, 'GET /up HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await eventually(() => upstream.seen.length).toBe(1);
    const port = await deadPort();
    rig.directory.writeGateway({ listeners: [{ ...https, port }] });
    await eventually(() => rig.port).toBe(port);
    expect((await visit(port)).text).toContain('here');
    await eventually(() =>
      visit(former).then(
        () => 'open',
        () => 'closed',
      ),
    ).toBe('closed');
    release();
    expect((await busy).text).toMatch(/^HTTP\/1\.1 200 .*finished/s);
    rig.directory.writeGateway({ listeners: [{ ...https, port: former }] });
    await eventually(() =>
      visit(former).then(
        ({ text }) => text.endsWith('here'),
        () => false,
      ),
    ).toBe(true);
  });

  it('does not start with a certificate that is no good, and says why', async () => {
    const key = issue().key;
    await expect(start({ files: { 'b.key': key } })).rejects.toMatchObject({
      code: 'SLUICE_TLS_KEY_MISMATCH',
      detail: expect.stringMatching(/^listener https, the private key in .*b\.key does not belong to .*b\.crt$/),
    });
  });

  it('refuses a change of gateway.yaml with a bad certificate, and goes on as before', async () => {
    const rig = await start();
    const former = rig.port;
    const bad = [{ certFile: 'a.crt', keyFile: 'b.key' }];
    rig.directory.writeGateway({ listeners: [{ ...https, port: await deadPort(), tls: { certificates: bad } }] });
    await eventually(() => rig.admin('/readyz').then(({ text }) => text)).toMatch(/b\.key does not belong to/);
    expect((await visit(former)).text).toContain('here');
    expect(rig.port).toBe(former);
  });
});
