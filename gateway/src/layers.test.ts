import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Layer of each folder; an import may only go to a lower number, or stay in its own folder. */
const LAYERS: Readonly<Record<string, number>> = {
  core: 0,
  config: 1,
  exchange: 1,
  http1: 2,
  discovery: 3,
  routing: 3,
  upstream: 3,
  wasm: 3,
  telemetry: 3,
  filters: 4,
  runtime: 5,
  proxy: 6,
  server: 7,
  cli: 8,
  testing: 8,
  'main.ts': 9,
};

const root = import.meta.dirname;
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]|new URL\(\s*['"](\.[^'"]+\.ts)['"]/g;

interface Edge {
  readonly from: string;
  readonly to: string;
}

function importsOf(file: string, text: string): Edge[] {
  const edges: Edge[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const target = match[1] ?? match[2] ?? match[3]!;
    edges.push({ from: relative(root, file), to: relative(root, resolve(dirname(file), target)) });
  }
  return edges;
}

function allEdges(): Edge[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.suite.ts'),
  );
  return files.flatMap((name) => importsOf(join(root, name), readFileSync(join(root, name), 'utf8')));
}

function folderOf(file: string): string {
  return file.split(sep)[0]!;
}

/** A worker's entry file is named by URL from the thread that starts it; that is no import of its code. */
function breaksLayers({ from, to }: Edge): boolean {
  const [source, target] = [folderOf(from), folderOf(to)];
  if (source === target) return false;
  const [high, low] = [LAYERS[source], LAYERS[target]];
  return high === undefined || low === undefined || low >= high;
}

function findCycle(edges: readonly Edge[]): string[] | null {
  const graph = new Map<string, string[]>();
  for (const { from, to } of edges) graph.set(from, [...(graph.get(from) ?? []), to]);
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  function visit(node: string): string[] | null {
    if (state.get(node) === 'done') return null;
    if (state.get(node) === 'open') return [...path.slice(path.indexOf(node)), node];
    state.set(node, 'open');
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle !== null) return cycle;
    }
    path.pop();
    state.set(node, 'done');
    return null;
  }
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle !== null) return cycle;
  }
  return null;
}

describe('layers', () => {
  const edges = allEdges();

  it('reads the imports of the sources', () => {
    expect(edges.length).toBeGreaterThan(50);
  });

  it('has no import upwards or sideways', () => {
    expect(edges.filter(breaksLayers).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it('has no cycle', () => {
    expect(findCycle(edges)).toBeNull();
  });

  it('sees an upward edge, a sideways edge and a cycle', () => {
    expect(breaksLayers({ from: join('core', 'a.ts'), to: join('proxy', 'b.ts') })).toBe(true);
    expect(breaksLayers({ from: join('wasm', 'a.ts'), to: join('routing', 'b.ts') })).toBe(true);
    expect(breaksLayers({ from: join('proxy', 'a.ts'), to: join('core', 'b.ts') })).toBe(false);
    expect(
      findCycle([
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
      ]),
    ).toEqual(['a', 'b', 'a']);
    const text =
      "import { a } from '../proxy/a.ts';\nexport type { B } from './b.ts';\nconst c = await import('./c.ts');";
    expect(importsOf(join(root, 'core', 'x.ts'), text).map((edge) => edge.to)).toEqual([
      join('proxy', 'a.ts'),
      join('core', 'b.ts'),
      join('core', 'c.ts'),
    ]);
  });
});
