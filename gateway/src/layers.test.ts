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
  testing: 8,
  cli: 9,
  'main.ts': 10,
};

const root = import.meta.dirname;
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]|new URL\(\s*['"](\.[^'"]+\.ts)['"]/g;

interface Edge {
  readonly from: string;
  readonly to: string;
  /** Only its types are used: nothing is loaded. */
  readonly typeOnly: boolean;
}

/** Imports of packages and of Node's own modules. */
const PACKAGE =
  /(?:^|\n)\s*(?:import|export)\b[^;'"=]*?\bfrom\s*['"]([^.'"][^'"]*)['"]|\bimport\s*\(?\s*['"]([^.'"][^'"]*)['"]/g;

function importsOf(file: string, text: string): Edge[] {
  const edges: Edge[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const target = match[1] ?? match[2] ?? match[3]!;
    const typeOnly = /^\s*(?:import|export)\s+type\b/.test(match[0]);
    edges.push({ from: relative(root, file), to: relative(root, resolve(dirname(file), target)), typeOnly });
  }
  return edges;
}

function packagesOf(text: string): string[] {
  return [...text.matchAll(PACKAGE)].map((match) => match[1] ?? match[2]!);
}

/** Texts of all sources but tests, by path below `root`. */
function readSources(): Map<string, string> {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.suite.ts'),
  );
  return new Map(files.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
}

/** Sources that are loaded with `start`, itself included. */
function loadedWith(start: string, edges: readonly Edge[]): Set<string> {
  const loaded = new Set([start]);
  for (const file of loaded) {
    for (const { from, to, typeOnly } of edges) if (from === file && !typeOnly) loaded.add(to);
  }
  return loaded;
}

/** The table of folders in docs/architecture.md: layer and thread by folder. */
function readTable(): Map<string, { layer: number; thread: string }> {
  const page = readFileSync(join(root, '../../docs/architecture.md'), 'utf8');
  const rows = page.matchAll(/^\| (\d) \| `(\w+)` \| .* \| ([^|]+) \|$/gm);
  return new Map(Array.from(rows, ([, layer, folder, thread]) => [folder!, { layer: Number(layer), thread: thread! }]));
}

function folderOf(file: string): string {
  return file.split(sep)[0]!;
}

/** A worker's entry file is named by URL from the thread that starts it; that is no import of its code. */
function breaksLayers({ from, to }: Pick<Edge, 'from' | 'to'>): boolean {
  const [source, target] = [folderOf(from), folderOf(to)];
  if (source === target) return false;
  const [high, low] = [LAYERS[source], LAYERS[target]];
  return high === undefined || low === undefined || low >= high;
}

function findCycle(edges: readonly Pick<Edge, 'from' | 'to'>[]): string[] | null {
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

const sources = readSources();
const edges = [...sources].flatMap(([name, text]) => importsOf(join(root, name), text));

describe('layers', () => {
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

describe('docs/architecture.md', () => {
  const table = readTable();

  it('has the folders with their layers', () => {
    const layers = Object.entries(LAYERS).filter(([folder]) => folder !== 'main.ts');
    expect(Object.fromEntries([...table].map(([folder, { layer }]) => [folder, layer]))).toEqual(
      Object.fromEntries(layers),
    );
    expect(new Set([...sources.keys()].map(folderOf))).toEqual(new Set(Object.keys(LAYERS)));
  });

  it('says which folders a worker loads', () => {
    const loaded = new Set([...loadedWith(join('server', 'worker-thread.ts'), edges)].map(folderOf));
    const told = [...table].filter(([, { thread }]) => /both|worker/.test(thread)).map(([folder]) => folder);
    expect(new Set(told)).toEqual(loaded);
  });
});

describe('HTTP libraries', () => {
  function importersOf(library: RegExp): string[] {
    const found = [...sources].filter(([, text]) => packagesOf(text).some((name) => library.test(name)));
    return found.map(([name]) => name).sort();
  }

  it('are for the main thread, and none of them for traffic', () => {
    expect(importersOf(/^(node:)?https?$/)).toEqual([]);
    // Plugins' calls over gRPC, which are not the traffic of clients.
    expect(importersOf(/^(node:)?http2$/)).toEqual([
      join('upstream', 'grpc-call.ts'),
      join('upstream', 'http2-connection.ts'),
    ]);
    expect(importersOf(/^undici/)).toEqual([
      join('cli', 'admin-client.ts'),
      join('discovery', 'nacos', 'login.ts'),
      join('runtime', 'modules', 'http-pull.ts'),
    ]);
    // The echo of `sluice plugin dev` is an upstream, not the gateway.
    expect(importersOf(/^fastify/)).toEqual([join('cli', 'plugin-echo.ts'), join('server', 'admin.ts')]);
  });

  it('are loaded by no worker, but for that of gRPC', () => {
    const loaded = [...loadedWith(join('server', 'worker-thread.ts'), edges)];
    const packages = new Set(loaded.flatMap((name) => packagesOf(sources.get(name)!)));
    expect(packages).toContain('node:net');
    expect([...packages].filter((name) => /http|undici|fastify|grpc|yaml/.test(name))).toEqual(['node:http2']);
  });

  it('are seen in whatever way they are imported', () => {
    const text =
      "import http from 'node:http';\nimport 'a';\nexport { b } from 'b';\nconst c = await import('c');\nimport type { D } from 'd';\nimport { e } from './e.ts';";
    expect(packagesOf(text)).toEqual(['node:http', 'a', 'b', 'c', 'd']);
  });
});
