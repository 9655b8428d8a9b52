import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatProblem } from '../config/problem.ts';
import { silentLog } from '../core/log.ts';
import { parseThreadUrl } from './parse-helper.ts';
import { ParsePool, type ParsePoolOptions } from './parse-pool.ts';
import { detailsOf } from './parse-result.ts';

const good = (name: string) => `tenant: ${name}\ndomains: [${name}.example.com]\n`;

let pool: ParsePool;
let directory: string;

/** Deadlines are far away unless a test is about them: a loaded machine must not end a healthy thread. */
function open(options: Partial<ParsePoolOptions> = {}): ParsePool {
  pool = new ParsePool({
    surroundings: { plugins: [], registries: {} },
    log: silentLog,
    deadlineMs: () => 60_000,
    program: new URL('./parse-thread.suite.ts', import.meta.url),
    ...options,
  });
  return pool;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const parse = async (name: string, text: string) => {
  const { config, problems } = await pool.parse(`${name}.yaml`, text);
  return config === null
    ? problems.map(formatProblem).join('; ')
    : (JSON.parse(config) as { domains: string[] }).domains[0];
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-parse-'));
});
afterEach(async () => {
  await pool.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('parsing threads', () => {
  it('parse as the main thread does, problems and all', async () => {
    const text = 'tenant: a\ndomains: [A.example.com]\nrutes: []\n';
    const inline = await open({ threads: 0 }).parse('a.yaml', text);
    const thread = await open({ program: parseThreadUrl() }).parse('a.yaml', text);
    expect({ ...thread, details: null }).toEqual({ ...inline, details: null });
    expect(detailsOf(thread.details)).toEqual({ text, redacted: expect.objectContaining({ tenant: 'a' }) });
    expect(thread.problems.map(formatProblem)).toEqual(['a.yaml:3:1 rutes: unknown key — did you mean routes?']);
  });

  it('are as many as there is work for, and end when there is none', async () => {
    open({ threads: 2, idleMs: 1 });
    expect(pool.size).toBe(0);
    const names = Array.from({ length: 20 }, (_, index) => `t${index}`);
    const all = Promise.all(names.map((name) => parse(name, good(name))));
    expect(pool.size).toBe(2);
    expect(await all).toEqual(names.map((name) => `${name}.example.com`));
    await until(() => pool.size === 0);
    expect(await parse('later', good('later'))).toBe('later.example.com');
  });

  it('can be started before there is work', async () => {
    open({ threads: 2 }).warm();
    pool.warm();
    expect(pool.size).toBe(1);
  });

  it.each([
    ['throw', 'something broke'],
    ['exit', 'the parser ended with code 3'],
  ])('that end (%s) cost the file that ended them, and no other', async (deed, message) => {
    open({ threads: 1 });
    const [bad, fine] = await Promise.all([parse('bad', `# ${deed}\n`), parse('fine', good('fine'))]);
    expect(bad).toBe(`bad.yaml: ${message} — simplify the file, then save it again`);
    expect(fine).toBe('fine.example.com');
  });

  it('that run out of memory do not take the process with them', async () => {
    open({ threads: 1, heapBytes: 32 * 1024 * 1024 });
    const [bad, fine] = await Promise.all([parse('bad', '# hoard\n'), parse('fine', good('fine'))]);
    expect(bad).toBe('bad.yaml: parsing took more than 32 MiB — simplify the file, then save it again');
    expect(fine).toBe('fine.example.com');
  });

  it('that end by accident get the file a second try', async () => {
    open();
    const text = `# throw-once ${join(directory, 'mark')}\n${good('again')}`;
    expect(await parse('again', text)).toBe('again.example.com');
  });

  it('are cut off at the deadline of a file and replaced', async () => {
    open({ threads: 1, deadlineMs: (text) => (text.startsWith('# stall') ? 50 : 60_000) });
    const [bad, fine] = await Promise.all([parse('bad', '# stall\n'), parse('fine', good('fine'))]);
    expect(bad).toBe('bad.yaml: parsing took longer than 50 ms — simplify the file, then save it again');
    expect(fine).toBe('fine.example.com');
  });

  it('that cannot be started leave no file waiting', async () => {
    open({ program: new URL('./parse-broken.suite.ts', import.meta.url) });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const said = await Promise.all(names.map((name) => parse(name, good(name))));
    expect(said).toHaveLength(names.length);
    for (const text of said) expect(text).toMatch(/no such program — simplify the file/);
  });

  it('end with the pool, and so does the wait for them', async () => {
    open({ threads: 1 });
    const both = Promise.all([parse('bad', '# stall\n'), parse('queued', good('queued'))]);
    await pool.close();
    expect(await both).toEqual([
      expect.stringMatching(/^bad\.yaml: the gateway is shutting down/),
      expect.stringMatching(/^queued\.yaml: the gateway is shutting down/),
    ]);
    expect(await parse('late', good('late'))).toMatch(/shutting down/);
  });
});
