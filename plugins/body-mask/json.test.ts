import { loadPlugin, type PluginTestHost } from '../../gateway/src/testing/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPlugin } from '../build.ts';

const RULES = { fields: ['secret', 'größe', 'a"\\\n'], paths: ['p.q', 'a.*.b', '😀.p'] };

let plugin: PluginTestHost;

beforeAll(async () => {
  plugin = await loadPlugin((await buildPlugin('body-mask')).path, { config: RULES });
}, 60_000);

afterAll(() => plugin.close());

/** What the client gets of a JSON body; null: not all of it. */
async function pass(body: readonly Buffer[]): Promise<string | null> {
  const headers = { 'content-type': 'application/json' };
  const { response } = await plugin.exchange({ upstream: { headers, body } });
  return response?.status === 200 ? response.body : null;
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A small generator, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
}

const NAMES = ['a', 'b', 'secret', 'größe', 'p', 'q', 'Secret', 'secre', '😀', 'a"\\\n', ''];

/** A document: objects and lists at its top, and everything down to the sixth level. */
function generate(pick: (below: number) => number, depth: number): Json {
  switch (depth === 0 ? 5 + pick(2) : pick(depth > 5 ? 5 : depth > 2 ? 7 : 12)) {
    case 0:
      return [null, true, false][pick(3)]!;
    case 1:
      return (pick(2 ** 20) - 2 ** 19) / 10 ** pick(8);
    case 2:
      return pick(1000) * 10 ** (pick(40) - 20);
    case 3:
    case 4:
      return Array.from({ length: pick(12) }, () => String.fromCharCode(pick([0x80, 0x2100, 0x10000][pick(3)]!))).join(
        '',
      );
    case 5:
      return Array.from({ length: pick(5) }, () => generate(pick, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: pick(7) }, () => [NAMES[pick(NAMES.length)]!, generate(pick, depth + 1)]),
      );
  }
}

/** What the plugin is to do, by way of a whole document. */
function maskWhole(value: Json, names: readonly string[] = []): Json {
  if (Array.isArray(value)) return value.map((item) => maskWhole(item, names));
  if (value === null || typeof value !== 'object') return value;
  const masks = (path: string[]): boolean =>
    RULES.fields.includes(path.at(-1)!) ||
    RULES.paths.some((rule) => {
      const segments = rule.split('.');
      return segments.length === path.length && segments.every((segment, i) => segment === '*' || segment === path[i]);
    });
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const path = [...names, name];
      return [name, masks(path) ? '***' : maskWhole(inner, path)];
    }),
  );
}

/** Other text for the same document: blanks, and characters as escapes. */
function disguise(text: string, pick: (below: number) => number): string {
  const blanks = ['', '', '', ' ', '\n   ', '\t', '\r\n', ' '.repeat(17)];
  return text.replace(/"(?:[^"\\]|\\.)*"|[^"]/g, (part) => {
    if (part.length === 1) return /[{}[\],:]/.test(part) ? blanks[pick(8)]! + part + blanks[pick(8)]! : part;
    return part.replace(/\\u.{4}|\\.|[^"]/gu, (character) => {
      if (character.startsWith('\\') || pick(6) > 0) return character;
      return character
        .split('')
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join('');
    });
  });
}

function split(text: string, pick: (below: number) => number): Buffer[] {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + pick([3, 20, 1000][pick(3)]!);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** The documents that follow one another in a text; null when it is anything else. */
function parseAll(text: string): Json[] | null {
  if (text.trim() === '') return [];
  for (let end = text.length; end > 0; end--) {
    if (!follows(text, end)) continue;
    let first: Json;
    try {
      first = JSON.parse(text.slice(0, end)) as Json;
    } catch {
      continue;
    }
    const rest = parseAll(text.slice(end));
    if (rest !== null) return [first, ...rest];
  }
  return null;
}

/** Could a document end here? A number or a word must have something behind it that cannot go on with it. */
function follows(text: string, end: number): boolean {
  return end === text.length || !/[\d.eE+-]/.test(text[end - 1]!) || /\s/.test(text[end]!);
}

describe('compared with JSON.parse', () => {
  it('masks 2000 generated documents alike', async () => {
    const pick = random(1);
    for (let i = 0; i < 2000; i++) {
      const document = generate(pick, 0);
      const text = disguise(JSON.stringify(document), pick);
      const seen = await pass(split(text, pick));
      expect(JSON.parse(seen ?? `"refused ${i}"`)).toEqual(maskWhole(JSON.parse(text) as Json));
    }
  });

  it('takes and refuses 10000 damaged documents alike', async () => {
    const pick = random(2);
    const alphabet = '{}[]",:\\0123456789.eE+-tfn u\n';
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      const text = JSON.stringify(generate(pick, 3));
      const at = pick(text.length + 1);
      // As UTF-8, which has no halves of characters.
      const damaged = Buffer.from(
        text.slice(0, at) + alphabet[pick(alphabet.length)]! + text.slice(at + pick(3)),
      ).toString();
      const documents = parseAll(damaged);
      const seen = await pass(split(damaged, pick));
      if (documents === null) refused++;
      expect([damaged, seen === null ? null : parseAll(seen)]).toEqual([
        damaged,
        documents?.map((document) => maskWhole(document)) ?? null,
      ]);
    }
    expect(refused).toBeGreaterThan(3000);
  });
});
