import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LIMITS } from './limits.ts';

const DOCS_HEAD = `# Limits

Bounds of data path and control plane that are not configurable, each with its reason. What happens at a bound is an
[error](errors.md), a metric, or stands with the thing itself.

| limit | value | reason |
|---|---|---|
`;

/** Names, each with the comment above it; a limit without one shares that of the limit before it. */
function reasons(): Map<string, string> {
  const source = readFileSync(new URL('./limits.ts', import.meta.url), 'utf8');
  const body = source.slice(source.indexOf('LIMITS = {'));
  const found = new Map<string, string>();
  let reason = '';
  for (const [, comment, name] of body.matchAll(/\/\*\*([\s\S]*?)\*\/|^ {2}(\w+):/gm)) {
    if (comment !== undefined) reason = comment.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim();
    else found.set(name!, reason);
  }
  return found;
}

function show(name: string, value: number): string {
  if (name.endsWith('Bytes')) return inUnits(value, 1024, ['B', 'KiB', 'MiB']);
  if (name.endsWith('Ms')) return inUnits(value, 1000, ['ms', 's']);
  return value.toLocaleString('en').replaceAll(',', ' ');
}

function inUnits(value: number, step: number, units: readonly string[]): string {
  const [unit = '', ...larger] = units;
  return larger.length === 0 || value % step !== 0 ? `${value} ${unit}` : inUnits(value / step, step, larger);
}

describe('limits', () => {
  it('have a reason each', () => {
    const found = reasons();
    expect([...found.keys()]).toEqual(Object.keys(LIMITS));
    expect([...found].filter(([, reason]) => reason === '')).toEqual([]);
  });

  it('are documented (vitest -u writes the page)', async () => {
    const rows = [...reasons()].map(
      ([name, reason]) => `| \`${name}\` | ${show(name, LIMITS[name as keyof typeof LIMITS])} | ${reason} |`,
    );
    await expect(`${DOCS_HEAD}${rows.join('\n')}\n`).toMatchFileSnapshot('../../../docs/limits.md');
  });
});
