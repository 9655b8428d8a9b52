import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostCalls } from '../../gateway/src/wasm/imports.ts';
import { expected, PLACES } from './cells/cell.ts';
import { ROWS } from './cells/rows.ts';
import { CALL_NAMES, moduleOf, UNKNOWN_CALLS } from './driver/signatures.ts';
import { VERSIONS } from './driver/phases.ts';
import { matrixText, withMatrix } from './matrix.ts';
import { type Cell, planFor } from './plan.ts';

const PAGE = join(import.meta.dirname, '../../docs/plugins/abi.md');

const cells: readonly Cell[] = VERSIONS.map((abi) => planFor(abi, '127.0.0.1:1')).flatMap(
  ({ start, roots, exchanges }) => [start, ...roots, ...exchanges].flatMap((script) => script.cells),
);

describe('the matrix of host calls', () => {
  it('has every host call that the host knows, and no other', () => {
    const unknown: readonly string[] = Object.values(UNKNOWN_CALLS);
    const known = CALL_NAMES.filter((name) => !unknown.includes(name));
    const { env, wasi } = hostCalls();
    expect(known.filter((name) => moduleOf(name) === 'env').sort()).toEqual([...env].sort());
    expect(known.filter((name) => moduleOf(name) !== 'env').sort()).toEqual([...wasi].sort());
    expect(ROWS.map(({ call }) => call).sort()).toEqual([...CALL_NAMES].sort());
  });

  it('has no empty cell', () => {
    const made = new Set(cells.map(({ row, at }) => `${row.call} in ${at.place} for ${at.abi}`));
    const empty = ROWS.filter(({ gaps }) => gaps === undefined)
      .flatMap(({ call }) => PLACES.flatMap((place) => VERSIONS.map((abi) => `${call} in ${place} for ${abi}`)))
      .filter((cell) => !made.has(cell));
    expect(empty).toEqual([]);
  });

  it('says of every cell what is right', () => {
    expect(() => cells.map((cell) => expected(cell.row, cell.case, cell.at))).not.toThrow();
  });

  it('stands in docs/plugins/abi.md', async () => {
    const table = matrixText(cells.map((cell) => ({ cell, status: expected(cell.row, cell.case, cell.at) })));
    await expect(withMatrix(readFileSync(PAGE, 'utf8'), table)).toMatchFileSnapshot(PAGE);
  });
});
