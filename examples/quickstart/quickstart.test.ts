import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const FOLDER = import.meta.dirname;
const PLUGINS = resolve(FOLDER, '../../plugins');

/** Ports of the files as they are committed. */
const PORTS = [8080, 9901, 9801, 9802, 9803];

/** Two plugins may have to be compiled first. */
const START_MS = 60_000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function takePort(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function freePorts(count: number): Promise<number[]> {
  const taken = await Promise.all(Array.from({ length: count }, takePort));
  for (const { server } of taken) server.close();
  return taken.map(({ port }) => port);
}

/** A copy of the example on other ports; everything else stays as it is. */
function copyExample(ports: readonly number[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-quickstart-'));
  for (const name of ['gateway.yaml', 'services.yaml', 'tenants', 'secrets']) {
    cpSync(join(FOLDER, name), join(directory, name), { recursive: true });
  }
  for (const name of ['gateway.yaml', 'services.yaml']) {
    const path = join(directory, name);
    const moved = PORTS.reduce(
      (text, port, index) => text.replaceAll(String(port), String(ports[index])),
      readFileSync(path, 'utf8'),
    );
    writeFileSync(path, moved.replaceAll('file:../../plugins', `file:${PLUGINS}`));
  }
  return directory;
}

class Quickstart {
  output = '';
  errors = '';
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;

  constructor(directory: string) {
    this.child = spawn(process.execPath, [join(FOLDER, 'start.ts'), directory], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout!.on('data', (text) => (this.output += String(text)));
    this.child.stderr!.on('data', (text) => (this.errors += String(text)));
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  async untilWelcome(): Promise<void> {
    while (!this.output.includes('The access log:')) {
      await Promise.race([once(this.child.stdout!, 'data'), this.exit.then(() => this.#failed())]);
    }
  }

  /** The printed curl lines, each with what it promises. */
  lines(): { line: string; promised: number }[] {
    const found = [...this.output.matchAll(/^(curl .*?) +# (\d{3})/gm)];
    return found.map(([, line = '', promised]) => ({ line, promised: Number(promised) }));
  }

  #failed(): never {
    throw new Error(`the quickstart ended: ${this.errors}`);
  }
}

/** Does what curl does with `-H` and one URL. */
async function curl(line: string): Promise<Answer> {
  const headers = Object.fromEntries(
    [...line.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name = '', value = '']) => [name.toLowerCase(), value]),
  );
  const url = /http:\S+/.exec(line)![0];
  const sent = request(url, { headers, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode!, body };
}

describe('the quickstart', () => {
  let ports: number[];
  let directory: string;
  let quickstart: Quickstart;

  beforeAll(async () => {
    ports = await freePorts(PORTS.length);
    directory = copyExample(ports);
    quickstart = new Quickstart(directory);
    await quickstart.untilWelcome();
  }, START_MS);

  afterAll(async () => {
    quickstart.child.kill('SIGKILL');
    await quickstart.exit;
    rmSync(directory, { recursive: true });
  });

  const gateway = (path: string): string => `http://127.0.0.1:${ports[0]}${path}`;
  const admin = (path: string): string => `http://127.0.0.1:${ports[1]}${path}`;

  it('has two tenants', () => {
    expect(readdirSync(join(directory, 'tenants'))).toHaveLength(2);
  });

  it('prints curl lines that answer as they promise', async () => {
    const lines = quickstart.lines();
    expect(lines).toHaveLength(7);
    for (const { line, promised } of lines) {
      const { status } = await curl(line);
      expect(`${line}: ${status}`).toBe(`${line}: ${promised}`);
    }
  });

  it('sends by lane', async () => {
    const baseline = await curl(`-H 'Host: app.home.example.com' ${gateway('/device/status')}`);
    expect(baseline.body).toContain('"lane":"baseline"');
    expect(JSON.parse(baseline.body)).toMatchObject({ service: 'device-service', path: '/status' });
    const gray = await curl(`-H 'Host: app.home.example.com' -H 'x-device-model: cam-2' ${gateway('/device/status')}`);
    expect(gray.body).toContain('"lane":"gray"');
    expect(JSON.parse(gray.body)).toMatchObject({ headers: { 'x-mse-tag': 'gray' } });
  });

  it.each(['', "-H 'Host: app.home.example.com' "])('asks for the key of /account/me (%s)', async (host) => {
    const refused = await curl(`${host}${gateway('/account/me')}`);
    expect(refused).toMatchObject({ status: 401, body: expect.stringContaining('SLUICE_KEY_AUTH_MISSING') });
    const [key = ''] = /-H 'x-api-key: [^']+'/.exec(quickstart.output)!;
    const { status, body } = await curl(`${host}${key} ${gateway('/account/me')}`);
    expect(status).toBe(200);
    const { headers, ...seen } = JSON.parse(body) as { headers: Record<string, string> };
    expect(seen).toEqual({ service: 'account-service', lane: 'baseline', path: '/me' });
    expect(headers).not.toHaveProperty('x-api-key');
    expect(headers['x-consumer']).toBe(host === '' ? 'partner' : 'app');
  });

  it('answers an unknown host with the error body', async () => {
    const { status, body } = await curl(`-H 'Host: nobody.example.com' ${gateway('/')}`);
    expect(status).toBe(404);
    expect(JSON.parse(body)).toEqual({
      error: { code: 'SLUICE_ROUTE_DOMAIN_UNKNOWN', message: expect.any(String), traceId: expect.any(String) },
    });
  });

  it('is ready, and counts', async () => {
    expect((await curl(admin('/readyz'))).status).toBe(200);
    const { body } = await curl(admin('/metrics'));
    expect(body).toMatch(
      /^sluice_requests_total\{tenant="smart-home",route="device-api",lane="gray",code="2xx"\} [1-9]/m,
    );
  });

  it.each([
    ['8080', 0],
    ['9901', 1],
  ])('ends with a clear error when port %s is taken', async (_port, taken) => {
    const others = await freePorts(PORTS.length);
    others[taken] = ports[taken]!;
    const copy = copyExample(others);
    const second = new Quickstart(copy);
    expect(await second.exit).toBe(1);
    expect(second.errors).toMatch(
      new RegExp(`^SLUICE_LISTENER_PORT_TAKEN .*127\\.0\\.0\\.1:${ports[taken]}\\b.*in use`),
    );
    rmSync(copy, { recursive: true });
  });

  it('names a demo service whose port is taken', async () => {
    const others = await freePorts(PORTS.length);
    others[4] = ports[4]!;
    const copy = copyExample(others);
    const second = new Quickstart(copy);
    expect(await second.exit).toBe(1);
    expect(second.errors).toBe(
      `account-service cannot listen on 127.0.0.1:${ports[4]} (EADDRINUSE): ` +
        'stop the other program, or give the service another port in services.yaml\n',
    );
    rmSync(copy, { recursive: true });
  });

  it('ends with 0 on SIGTERM', async () => {
    quickstart.child.kill('SIGTERM');
    expect(await quickstart.exit).toBe(0);
    expect(quickstart.errors).toBe('');
  });

  it('ends with 0 on SIGINT, also when terminal and npm both send it', async () => {
    quickstart = new Quickstart(directory);
    await quickstart.untilWelcome();
    quickstart.child.kill('SIGINT');
    quickstart.child.kill('SIGINT');
    expect(await quickstart.exit).toBe(0);
    expect(quickstart.errors).toBe('');
  });
});
