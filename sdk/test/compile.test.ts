import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CompiledPlugin, compilePlugin, PluginCompileError } from '../compile.ts';

const PLUGIN = `import { Action, HttpFilter, Plugin, register } from '@sluice/plugin-sdk';
class Filter extends HttpFilter {
  onRequestHeaders(endOfStream: bool): Action {
    return this.pause();
  }
}
class Own extends Plugin {
  createFilter(): HttpFilter {
    return new Filter();
  }
}
register((): Plugin => new Own());
`;

let folder: string;

beforeEach(() => {
  const scratch = join(import.meta.dirname, 'build');
  mkdirSync(scratch, { recursive: true });
  folder = mkdtempSync(join(scratch, 'compile-'));
  mkdirSync(join(folder, 'assembly'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(source: string, description: unknown = { name: 'own', version: '1.2.3' }): void {
  writeFileSync(join(folder, 'assembly/plugin.ts'), source);
  const text = typeof description === 'string' ? description : JSON.stringify(description);
  if (description !== null) writeFileSync(join(folder, 'plugin.json'), text);
}

/** Quickly. */
const compile = (): Promise<CompiledPlugin> => compilePlugin({ folder, optimize: false });

/** What is wrong with a plugin, in the compiler's words. */
async function refusal(source: string, description?: unknown): Promise<string> {
  write(source, description);
  const error: unknown = await compile().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PluginCompileError);
  return (error as Error).message;
}

describe('a plugin', () => {
  it('is compiled once, and again when a source, its description or an option has changed', async () => {
    write(PLUGIN);
    const { path, size, compiled, sections, manifest } = await compile();
    expect([path, compiled]).toEqual([join(folder, 'build/own.wasm'), true]);
    expect(sections.reduce((sum, { bytes }) => sum + bytes, 8)).toBe(size);
    expect(sections.at(-1)?.name).toBe('sluice:manifest');
    expect(await compile()).toMatchObject({ compiled: false, size, sections, manifest });
    writeFileSync(join(folder, 'assembly/other.ts'), '');
    expect((await compile()).compiled).toBe(true);
    write(PLUGIN, { name: 'own', version: '1.2.4' });
    expect(await compile()).toMatchObject({ compiled: true, manifest: { version: '1.2.4' } });
    const optimized = await compilePlugin({ folder });
    expect([optimized.compiled, optimized.size < size]).toEqual([true, true]);
    rmSync(path);
    expect((await compilePlugin({ folder })).compiled).toBe(true);
  }, 120_000);

  it('is the same, byte for byte, when several make it at once', async () => {
    write(PLUGIN);
    const all = await Promise.all([compile(), compile(), compile()]);
    const bytes = readFileSync(all[0].path);
    expect(all.map(({ size }) => size)).toEqual(Array(3).fill(bytes.length));
    rmSync(all[0].path);
    expect(readFileSync((await compile()).path).equals(bytes)).toBe(true);
  }, 120_000);

  it('says what it is, and which callbacks it overrides in whichever file', async () => {
    writeFileSync(
      join(folder, 'assembly/base.ts'),
      `import { Action, HttpFilter as Base } from '@sluice/plugin-sdk';
       export abstract class Middle extends Base { onResponseHeaders(end: bool): Action { return Action.Continue; } }`,
    );
    const permissions = { services: ['auth'], foreignFunctions: ['compress'] };
    write(
      `import * as sdk from '@sluice/plugin-sdk';
       import { Middle } from './base';
       class Filter extends Middle { onLog(): void {} }
       class Own extends sdk.Plugin {
         onConfigure(text: string): bool { return true; }
         onTick(): void {}
         createFilter(): sdk.HttpFilter { return new Filter(); }
       }
       sdk.register((): sdk.Plugin => new Own());`,
      { name: 'own', version: '1', description: 'Does it.', permissions },
    );
    const { path, manifest } = await compile();
    const { version: sdk } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
    const phases = ['tick', 'responseHeaders', 'log'];
    expect(manifest).toEqual({ name: 'own', version: '1', description: 'Does it.', sdk, phases, permissions });
    const names = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(path))).map(({ name }) => name);
    expect(names.filter((name) => /_(tick|headers|log|done|body)$/.test(name)).toSorted()).toEqual([
      'proxy_on_log',
      'proxy_on_response_headers',
      'proxy_on_tick',
    ]);
  }, 60_000);

  it('has no manifest without a plugin.json, and no settings without a class for them', async () => {
    write(PLUGIN, null);
    const entry = 'assembly/plugin.ts';
    expect((await compilePlugin({ folder, entry, output: 'a.wasm', optimize: false })).manifest).toBeNull();
    await expect(compile()).rejects.toThrow('plugin.json: { "name": "compile-');
    write(PLUGIN);
    expect((await compile()).manifest?.config).toMatchObject({ type: 'object', additionalProperties: false });
  }, 60_000);
});

describe('a mistake', () => {
  it("is reported with the author's own line, and leaves no module behind", async () => {
    const report = await refusal(`${PLUGIN}const answer: i32 = 'forty-two';\nanswer;\n`);
    expect(report).toMatch(/const answer: i32 = 'forty-two'[\s\S]*in assembly\/plugin\.ts\(13,21\)/);
    expect(() => readFileSync(join(folder, 'build/own.wasm'))).toThrow('ENOENT');
  }, 60_000);

  it.each([
    ['no plugin', 'const a: i32 = 1;', 'no class of the plugin extends Plugin or ConfiguredPlugin', '1,1'],
    [
      'no filter',
      PLUGIN.replace(/class Filter[\s\S]*?\n}\n/, '').replace('new Filter()', "abort('')"),
      'no class of the plugin extends HttpFilter; Own needs one for createFilter()',
      '2,7',
    ],
    [
      'no registration',
      PLUGIN.replace(/register\(\(.*\n/, ''),
      'nothing registers Own; add: register((): Plugin => new Own());',
      '7,7',
    ],
    [
      'no configuration class',
      PLUGIN.replace('HttpFilter,', 'HttpFilter, ConfiguredPlugin,').replace(
        'extends Plugin',
        'extends ConfiguredPlugin<Filter>',
      ),
      'name a class with @config here',
      '7,36',
    ],
  ])(
    'is %s',
    async (_name, source, problem, place) => {
      const report = await refusal(source);
      expect(report).toContain(`User-defined: ${problem}`);
      expect(report).toContain(`in assembly/plugin.ts(${place})`);
    },
    60_000,
  );

  it.each([
    ['{', 'plugin.json: '],
    [{ name: 'Own', version: '1' }, '"name" must be up to 63 small letters'],
    [{ name: 'own' }, '"version" must be one such as "1.0.0"'],
    [{ name: 'own', version: '1', permissions: { service: [] } }, '"permissions.service" is unknown; known: services'],
    [{ name: 'own', version: '1', permissions: { services: 'a' } }, '"permissions.services" must be a list of names'],
  ])('is in plugin.json: %j', async (description, problem) => {
    expect(await refusal(PLUGIN, description)).toContain(problem);
  });
});

describe('a mistake in a configuration class', () => {
  const head = `import { Action, ConfiguredPlugin, HttpFilter, JsonValue, Plugin, Settings, TextPair, register, utf8 } from '@sluice/plugin-sdk';
class Filter extends HttpFilter {}
class Own extends ConfiguredPlugin<Config> { createFilter(): HttpFilter { return new Filter(); } }
register((): Plugin => new Own());
@config
class Config {
`;
  const LINE = head.split('\n').length;

  /** Each field with what is wrong with it, all in one plugin. */
  it('is reported with the line of its field', async () => {
    const wrong: readonly (readonly [field: string, problem: string])[] = [
      ['a: i16 = 0;', 'i16 cannot be a setting; supported: string, ArrayBuffer, bool'],
      ['b: Map<string, string> = new Map();', 'Map<string, string> cannot be a setting'],
      ['c: i32 | null = null;', 'null is for string, ArrayBuffer, JsonValue and @config classes'],
      ['d: Filter = new Filter();', 'Filter cannot be a setting'],
      ["e: string = 'a' + 'b';", 'the initial value of e must be written out here'],
      ['f: string;', 'f needs an initial value, which is its default, or @required'],
      ['@minimum(3) g: i32 = 2;', 'the initial value of g must be from 3 to 2147483647'],
      ['@minItems(1) h: string[] = [];', 'the initial value of h has fewer than 1 entries; add @required'],
      ["@oneOf('a') i: string = 'b';", 'the initial value of i must be one of a'],
      ["@headerName j: ArrayBuffer = utf8('X');", 'the initial value of j must be in small letters'],
      ["@minimal(3) k: string = '';", '@minimal is no decorator of a setting; known: @required'],
      ["@minimum(3) l: string = '';", '@minimum does not apply to string'],
      ['@minimum m: i32 = 3;', '@minimum takes a number'],
      ['@minItems(-1) n: string[] = [];', '@minItems takes a count'],
      ['@minimum(5) @maximum(4) o: i32 = 4;', 'nothing is at least 5 and at most 4'],
      ['@maximum(3000000000) p: i32 = 4;', '3000000000 is no i32; its range is -2147483648 to 2147483647'],
      ['@required @required q: i32 = 4;', '@required stands here twice'],
      ['r: Config[] = [];', 'a configuration cannot hold itself'],
      ['t: i32 = 2147483648;', 'the initial value of t must be from -2147483648 to 2147483647'],
    ];
    const report = await refusal(`${head}${wrong.map(([field]) => field).join('\n')}\n}\n`);
    for (const [i, [field, problem]] of wrong.entries()) {
      const at = report.indexOf(problem);
      expect(report.slice(at, at + 600), field).toMatch(new RegExp(`in assembly/plugin\\.ts\\(${LINE + i},`));
    }
    expect(report).toContain(`${wrong.length} parse error(s)`);
  }, 60_000);

  it('in the code that is made of it points to what it was made of', async () => {
    const report = await refusal(`${head}name: string = '';\ncheck(text: string): void {}\n}\n`);
    expect(report).toMatch(/in assembly\/plugin\.ts\(6,7\)/);
    expect(report).not.toContain('reader.ts');
  }, 60_000);
});
