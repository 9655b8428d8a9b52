import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseGateway } from '../config/parse-gateway.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import { type LogFields, silentLog } from '../core/log.ts';
import { GatewayFile } from './gateway-file.ts';
import { eventually } from './integration/fixture.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const CONTENT = {
  apiVersion: 'sluice/v1',
  listeners: [{ name: 'http', port: 8080 }],
  tenants: { directory: 'tenants' },
};

interface Entry {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

class Rig {
  readonly path = join(mkdtempSync(join(tmpdir(), 'sluice-file-')), 'gateway.yaml');
  readonly applied: GatewayConfig['listeners'][] = [];
  readonly plugins: GatewayConfig['plugins'][] = [];
  readonly log: Entry[] = [];
  /** What applying listeners answers. */
  errors: readonly string[] = [];
  readonly file: GatewayFile;

  constructor() {
    this.write({});
    const note = (level: string) => (fields: LogFields, message: string) => {
      this.log.push({ level, message, fields });
    };
    this.file = new GatewayFile({
      path: this.path,
      env: { PORT: '8081' },
      running: parseGateway(this.path, readFileSync(this.path, 'utf8')).config!,
      applyListeners: async (listeners) => {
        this.applied.push(listeners);
        return this.errors;
      },
      applyPlugins: (plugins) => void this.plugins.push(plugins),
      log: { ...silentLog, info: note('info'), warn: note('warn'), error: note('error') },
      settleMs: 1,
      pollMs: 20,
    });
    cleanups.push(async () => {
      await this.file.close();
      rmSync(join(this.path, '..'), { recursive: true });
    });
  }

  /** Fields in place of or besides those of the start, or any text. */
  write(more: object | string): void {
    const text = typeof more === 'string' ? more : JSON.stringify({ ...CONTENT, ...more });
    writeFileSync(`${this.path}.new`, text);
    renameSync(`${this.path}.new`, this.path);
  }
}

async function started(): Promise<Rig> {
  const rig = new Rig();
  await rig.file.start();
  return rig;
}

const MOVED = [{ name: 'http', port: 8081 }];

describe('gateway.yaml', () => {
  it('as it was at the start is no news', async () => {
    const rig = await started();
    expect(rig.file.status).toMatchObject({ state: 'active', pending: [], errors: [] });
    expect([rig.file.loads, rig.applied, rig.log]).toEqual([{ success: 0, failure: 0 }, [], []]);
  });

  it('that changed between reading and watching is followed', async () => {
    const rig = new Rig();
    rig.write({ listeners: MOVED });
    await rig.file.start();
    expect(rig.applied).toMatchObject([MOVED]);
  });

  it('applies changed listeners, with variables, and only when they changed', async () => {
    const rig = await started();
    rig.write(JSON.stringify({ ...CONTENT, listeners: MOVED }).replace('8081', '"${PORT}"'));
    await eventually(() => rig.applied).toMatchObject([MOVED]);
    await eventually(() => rig.file.loads).toEqual({ success: 1, failure: 0 });
    rig.write({ listeners: MOVED, apiVersion: 'sluice/v1 ' });
    await eventually(() => rig.file.status.state).toBe('stale');
    rig.write({ listeners: MOVED });
    await eventually(() => rig.file.status.state).toBe('active');
    expect(rig.applied).toHaveLength(1);
  });

  it('names keys that wait for a restart, until they are as they were', async () => {
    const rig = await started();
    rig.write({ workers: 3, admin: { port: 9000 }, listeners: MOVED });
    await eventually(() => rig.file.status).toMatchObject({ state: 'pending', pending: ['workers', 'admin'] });
    expect(rig.applied).toMatchObject([MOVED]);
    expect(rig.log).toContainEqual({
      level: 'warn',
      message: 'changes of gateway.yaml wait for a restart',
      fields: { file: rig.file.status.file, keys: ['workers', 'admin'] },
    });
    rig.write({ listeners: MOVED });
    await eventually(() => rig.file.status).toMatchObject({ state: 'active', pending: [] });
  });

  it.each([
    ['has problems', JSON.stringify({ ...CONTENT, listeners: [] }), /listeners: the list is empty — give at least 1$/],
    ['is no YAML', 'listeners: [', /gateway\.yaml:1:\d+/],
  ])('that %s changes nothing, and is told of whenever it is read', async (_what, text, problem) => {
    const rig = await started();
    rig.write(text);
    await eventually(() => rig.file.status.state).toBe('stale');
    expect(rig.file.status.errors[0]).toMatch(problem);
    await rig.file.reload();
    expect(rig.file.loads).toEqual({ success: 0, failure: 2 });
    expect(rig.applied).toEqual([]);
    rig.write({});
    await eventually(() => rig.file.status.state).toBe('active');
    expect(rig.log.map(({ level }) => level)).toEqual(['error', 'error', 'info']);
  });

  it('that is gone, and comes back as it was, changes nothing', async () => {
    const rig = await started();
    rmSync(rig.path);
    await eventually(() => rig.file.status).toMatchObject({
      state: 'stale',
      errors: [expect.stringMatching(/gateway\.yaml: the file cannot be read \(ENOENT\)/)],
    });
    rig.write({});
    await eventually(() => rig.file.status.state).toBe('active');
    expect([rig.applied, rig.file.loads.failure]).toEqual([[], 1]);
  });

  it('whose listeners cannot be opened is tried again when asked', async () => {
    const rig = await started();
    rig.errors = ['listener http (:::8081): the port is taken'];
    rig.write({ listeners: MOVED });
    await eventually(() => rig.file.status).toMatchObject({ state: 'stale', errors: rig.errors });
    expect(rig.applied).toHaveLength(1);
    rig.errors = [];
    await rig.file.reload();
    expect(rig.file.status.state).toBe('active');
    expect(rig.applied).toHaveLength(2);
  });

  it('is not read any more after the end', async () => {
    const rig = await started();
    await rig.file.close();
    rig.write({ listeners: MOVED });
    await rig.file.reload();
    expect(rig.applied).toEqual([]);
  });
});
