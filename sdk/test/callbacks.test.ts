import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALWAYS_EXPORTED, CALLBACKS } from '../callbacks.ts';
import { readSymbols } from './reference/symbols.ts';

const SDK = join(import.meta.dirname, '..');

describe('the table of callbacks', () => {
  it('has each callback of the SDK once', () => {
    const source = readFileSync(join(SDK, 'assembly', 'exports.ts'), 'utf8');
    const defined = [...source.matchAll(/^export function (\w+)/gm)].map(([, name = '']) => name);
    const listed = [...ALWAYS_EXPORTED, ...CALLBACKS.map((callback) => callback.export)];
    expect(listed.toSorted()).toEqual(defined.toSorted());
  });

  it('names methods that authors can override', () => {
    const symbols = readSymbols(join(SDK, 'index.ts'));
    const methodsOf = (name: string): string[] => {
      const symbol = symbols.find((each) => each.name === name);
      if (symbol === undefined) return [];
      return [...symbol.allMembers.map((member) => member.name), ...symbol.bases.flatMap(methodsOf)];
    };
    for (const { methods } of CALLBACKS) {
      for (const [name = '', method] of methods.map((each) => each.split('.')))
        expect(methodsOf(name)).toContain(method);
    }
  });
});
