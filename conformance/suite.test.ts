import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exitCode, runSuite, type Suite, type SuiteResult } from './suite.ts';
import { check, Unmet, until } from './until.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-suite-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function runIt(run: Suite['run']): Promise<{ result: SuiteResult; lines: string[] }> {
  const lines: string[] = [];
  const result = await runSuite({ name: 'demo', run }, directory, (line) => lines.push(line));
  return { result, lines };
}

describe('a conformance suite', () => {
  it('leaves its summary in a file and on the last lines', async () => {
    const { result, lines } = await runIt(async (run) => {
      run.server = 'demo-server';
      run.version = '1.2';
      await run.case('good', async () => ({ detail: 'held', measured: { took_ms: 3 } }));
      await run.case('bad', async () => check(false, 'one', 'two') as never, '/tmp/logs');
      run.skip('absent', 'no java');
    });
    expect(result).toEqual({
      suite: 'demo',
      server: 'demo-server',
      version: '1.2',
      cases: [
        { name: 'good', passed: true, detail: 'held', measured: { took_ms: 3 } },
        { name: 'bad', passed: false, detail: 'Unmet: expected one; seen: two; logs: /tmp/logs' },
        { name: 'absent', passed: false, skipped: true, reason: 'no java', detail: '' },
      ],
      passed: 1,
      failed: 1,
      skipped: 1,
    });
    expect(JSON.parse(lines.at(-1)!)).toEqual(result);
    expect(JSON.parse(readFileSync(join(directory, 'demo.json'), 'utf8'))).toEqual(result);
  });

  it('that breaks off is failed and keeps what it has', async () => {
    const { result } = await runIt(async (run) => {
      await run.case('good', async () => ({ detail: '' }));
      throw new Error('server does not start', { cause: new Error('port taken') });
    });
    expect(result).toMatchObject({ passed: 1, failed: 1 });
    expect(result.cases[1]?.detail).toContain('server does not start');
    expect(result.cases[1]?.detail).toContain('port taken');
  });

  it('may skip on a user machine and not where all tools must be there', async () => {
    const { result: skipped } = await runIt(async (run) => run.skip('all', 'no wrk'));
    expect([exitCode([skipped], false), exitCode([skipped], true)]).toEqual([0, 1]);
    const { result: failed } = await runIt(async (run) => run.case('bad', () => Promise.reject(new Error('no'))));
    expect(exitCode([skipped, failed], false)).toBe(1);
  });
});

describe('waiting', () => {
  it('ends with what was seen when it passes, and says what was seen when it never does', async () => {
    let looks = 0;
    expect(
      await until(
        'three',
        () => ++looks,
        (seen) => seen === 3,
      ),
    ).toBe(3);
    const never = until(
      'four',
      () => [looks],
      () => false,
      30,
    );
    await expect(never).rejects.toThrow(new Unmet('four within 30 ms', [3]));
    const broken = until(
      'an answer',
      () => Promise.reject(new Error('refused')),
      () => true,
      30,
    );
    await expect(broken).rejects.toThrow(/seen: Error: refused/);
  });
});
