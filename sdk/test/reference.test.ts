import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compilePlugin } from '../compile.ts';
import { exampleSources } from './reference/examples.ts';
import { renderPages } from './reference/pages.ts';
import { type Member, readSymbols } from './reference/symbols.ts';

const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
const PAGES = join(SDK, '..', 'docs', 'plugins', 'sdk');
const EXAMPLES = join(SDK, 'test', 'build', 'examples');

const symbols = readSymbols(join(SDK, 'index.ts'));
const exported = symbols.map(({ name }) => name);

/** What the comments of a symbol lack. */
function gapsOf({ name, doc, kind }: Pick<Member, 'name' | 'doc'> & { readonly kind: string }): string[] {
  if (kind === 'constructor') return doc.text === '' && doc.parameters.length === 0 ? [`${name}: what it takes`] : [];
  const needsExample = kind !== 'field' && kind !== 'value';
  return [
    ...(doc.text === '' ? [`${name}: what it promises`] : []),
    ...(needsExample && doc.example === null ? [`${name}: an example`] : []),
  ];
}

describe('what the package exports', () => {
  it('is documented, each member with an example', () => {
    const gaps = symbols.flatMap((symbol) => [
      ...gapsOf(symbol),
      ...symbol.allMembers.flatMap((member) => gapsOf({ ...member, name: `${symbol.name}.${member.name}` })),
    ]);
    expect(gaps).toEqual([]);
    expect(symbols.length).toBeGreaterThan(40);
  });

  it('has examples that compile', async () => {
    const folder = join(EXAMPLES, 'assembly');
    mkdirSync(folder, { recursive: true });
    const sources = exampleSources(symbols, exported);
    for (const [file, source] of sources) writeFileSync(join(folder, file), source);
    const entry = join(folder, 'plugin.ts');
    await compilePlugin({ folder: EXAMPLES, entry, output: join(EXAMPLES, 'examples.wasm'), optimize: false });
  }, 120_000);
});

describe('docs/plugins/sdk', () => {
  const pages = renderPages(symbols);

  it.each([...pages.keys()])('has %s as the comments say', async (page) => {
    await expect(pages.get(page)).toMatchFileSnapshot(join(PAGES, page));
  });

  it('has no other pages', () => {
    expect(readdirSync(PAGES).toSorted()).toEqual([...pages.keys()].toSorted());
  });
});
