import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseGateway } from '../config/parse-gateway.ts';
import { silentLog } from '../core/log.ts';
import { Recorder, tenant } from './tenants.suite.ts';
import { Tenants } from './tenants.ts';

let root: string;
let recorder: Recorder;
let tenants: Tenants;

const write = (name: string, text: string) => writeFileSync(join(root, name), text);
/** A text whose parsing ends when `release` is called. */
const held = (text: string) => `# wait ${join(root, 'mark')}\n${text}`;
const release = () => write('mark', '');
const settled = (line: string) => recorder.until(line);

async function start(): Promise<void> {
  const text = 'apiVersion: sluice/v1\nlisteners: [{ name: h, port: 0 }]\ntenants: { directory: tenants }\n';
  tenants = new Tenants({
    gateway: parseGateway(join(root, 'gateway.yaml'), text).config!,
    version: '1.0.0',
    listener: recorder,
    log: silentLog,
    settleMs: 10,
    // Looks again and again, as if somebody were editing all the time.
    pollMs: 20,
    parsing: {
      threads: 2,
      program: new URL('./parse-thread.suite.ts', import.meta.url),
      deadlineMs: (source) => (source.startsWith('# stall') ? 100 : 60_000),
    },
  });
  await tenants.start();
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'sluice-parsing-'));
  mkdirSync(join(root, 'tenants'));
  recorder = new Recorder();
  write('tenants/a.yaml', tenant('a', 'a.example.com'));
  write('tenants/b.yaml', tenant('b', 'b.example.com'));
  await start();
  recorder.lines.length = 0;
});
afterEach(async () => {
  await tenants.close();
  rmSync(root, { recursive: true, force: true });
});

describe('a file that takes long to parse', () => {
  it('holds up no other', async () => {
    write('tenants/a.yaml', held(tenant('a', 'a2.example.com')));
    write('tenants/b.yaml', tenant('b', 'b2.example.com'));
    await settled('tenant b: b2.example.com');
    write('tenants/b.yaml', tenant('b', 'b3.example.com'));
    await settled('tenant b: b3.example.com');
    expect(recorder.told).toEqual(['tenant b: b2.example.com', 'tenant b: b3.example.com']);
    release();
    await settled('tenant a: a2.example.com');
  });

  it('is read again afterwards when it has changed meanwhile: the last text counts', async () => {
    write('tenants/a.yaml', held(tenant('a', 'a2.example.com')));
    write('tenants/b.yaml', tenant('b', 'b2.example.com'));
    await settled('tenant b: b2.example.com');
    for (let version = 3; version < 10; version++) write('tenants/a.yaml', tenant('a', `a${version}.example.com`));
    release();
    await settled('tenant a: a9.example.com');
    await tenants.reload();
    expect(recorder.told.at(-1)).toBe('tenant a: a9.example.com');
    expect(tenants.state()[0]).toMatchObject({ tenant: 'a', status: 'ok' });
  });

  it('may be deleted meanwhile', async () => {
    write('tenants/c.yaml', held(tenant('c', 'c.example.com')));
    write('tenants/b.yaml', tenant('b', 'b2.example.com'));
    await settled('tenant b: b2.example.com');
    rmSync(join(root, 'tenants/c.yaml'));
    release();
    await tenants.reload();
    expect(tenants.state().map((state) => state.tenant)).toEqual(['a', 'b']);
    expect(recorder.configs.has('c')).toBe(false);
  });

  it('does not keep the gateway from closing', async () => {
    write('tenants/a.yaml', held(tenant('a', 'a2.example.com')));
    write('tenants/b.yaml', tenant('b', 'b2.example.com'));
    await settled('tenant b: b2.example.com');
    await tenants.close();
    expect(recorder.told).toEqual(['tenant b: b2.example.com']);
  });
});

describe('a file that the parser does not survive', () => {
  it.each([
    ['throw', 'something broke'],
    ['stall', 'parsing took longer than 100 ms'],
  ])('keeps its last good version and says why (%s)', async (deed, message) => {
    write('tenants/a.yaml', `# ${deed}\n`);
    await settled(`broken a: a.example.com (last good) ${message}`);
    expect(tenants.state()[0]?.problems[0]).toMatchObject({ code: 'SLUICE_CONFIG_PARSER_FAILED', line: 0 });
    write('tenants/b.yaml', tenant('b', 'b2.example.com'));
    await settled('tenant b: b2.example.com');
    write('tenants/a.yaml', tenant('a', 'a2.example.com'));
    await settled('tenant a: a2.example.com');
  });
});
