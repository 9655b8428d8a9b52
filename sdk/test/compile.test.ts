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

/** Why a plugin is not compiled. */
async function failure(source: string, description?: unknown): Promise<string> {
  write(source, description);
  const error: unknown = await compile().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PluginCompileError);
  return (error as Error).message;
}

interface CompilerRun {
  readonly error: unknown;
  readonly stderr: { toString(): string };
}

/** The same in the compiler's words, from one that runs in this process: many are as quick as one. */
async function refusal(source: string): Promise<string> {
  write(source);
  const name = 'assemblyscript/asc'; // its types would bring the globals of AssemblyScript
  const { main } = (await import(name)) as { main: (args: readonly string[]) => Promise<CompilerRun> };
  const config = join(import.meta.dirname, '../asconfig.json');
  const { error, stderr } = await main(['assembly/plugin.ts', '--baseDir', folder, '--config', config, '--noEmit']);
  expect(error).toBeInstanceOf(Error);
  return stderr.toString();
}

describe('a plugin', () => {
  it('is the same, byte for byte, when several make it at once, and again when it is gone or damaged; without a plugin.json, too', async () => {
    write(PLUGIN, null);
    const make = () => compilePlugin({ folder, entry: 'assembly/plugin.ts', output: 'a.wasm', optimize: false });
    const [one, other] = await Promise.all([make(), make()]);
    const bytes = readFileSync(one.path);
    expect(one).toMatchObject({ path: join(folder, 'a.wasm'), compiled: true, size: bytes.length, manifest: null });
    expect(other.size).toBe(bytes.length);
    rmSync(one.path);
    expect((await make()).compiled).toBe(true);
    writeFileSync(one.path, bytes.subarray(0, -9));
    expect((await make()).compiled).toBe(true);
    expect(readFileSync(one.path).equals(bytes)).toBe(true);
    await expect(compile()).rejects.toThrow('plugin.json: { "name": "compile-');
  }, 120_000);

  it('is compiled again when its source was another one while the compiler ran', async () => {
    write(PLUGIN);
    const first = compile();
    write(`${PLUGIN}// saved meanwhile`);
    await first;
    write(PLUGIN);
    expect((await compile()).compiled).toBe(true);
  }, 120_000);

  it('is compiled once, and again when a source, its description or an option has changed', async () => {
    write(PLUGIN);
    const { path, size, compiled, sections, manifest } = await compile();
    expect([path, compiled]).toEqual([join(folder, 'build/own.wasm'), true]);
    expect(sections.reduce((sum, { bytes }) => sum + bytes, 8)).toBe(size);
    expect(sections.at(-1)?.name).toBe('sluice:manifest');
    expect(manifest?.config).toMatchObject({ type: 'object', additionalProperties: false });
    expect(await compile()).toMatchObject({ compiled: false, size, sections, manifest });
    writeFileSync(join(folder, 'assembly/other.ts'), '');
    expect((await compile()).compiled).toBe(true);
    write(PLUGIN, '\uFEFF{ "name": "own", "version": "1.2.4" }');
    expect(await compile()).toMatchObject({ compiled: true, manifest: { version: '1.2.4' } });
    const named = await compilePlugin({ folder, optimize: false, debug: true });
    expect([named.compiled, named.size > size]).toEqual([true, true]);
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
       namespace parts { export namespace inner { export class Filter extends Middle { onLog(): void {} } } }
       class Own extends sdk.Plugin {
         onConfigure(text: string): bool { return true; }
         onTick(): void {}
         createFilter(): sdk.HttpFilter { return new parts.inner.Filter(); }
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

  it('finds its configuration behind names of all kinds, and what the comments there say', async () => {
    writeFileSync(
      join(folder, 'assembly/parts.ts'),
      `/** The licence. */
       import * as sdk from '@sluice/plugin-sdk';
       import * as settings from './settings';
       class Filter extends sdk.HttpFilter {}
       export default class Own extends sdk.ConfiguredPlugin<settings.Config> {
         createFilter(): sdk.HttpFilter { return new Filter(); }
       }`,
    );
    writeFileSync(
      join(folder, 'assembly/settings.ts'),
      `import Inner from './inner';
       import * as inner from './inner';
       /**/ /** Größe 😀. */
       @config
       export class Config {
         /** First.
          *
          * Second.
          * @see nothing
          */
         @oneOf('/** a text */', "it's") a: string = "it's"; // /** behind it */
         // don't /** say */
         b: inner.Other | null = null;
         /* plain */ c: inner.Other[] = [];
         /***** stars *****/
         d: Inner = new Inner();
       }`,
    );
    writeFileSync(
      join(folder, 'assembly/inner.ts'),
      '@config export default class Inner { deep: i32 = 1; } @config export class Other { deep: i32 = 1; }',
    );
    write(
      "import { Plugin, register } from '@sluice/plugin-sdk'; import Own from './parts'; register((): Plugin => new Own());",
    );
    const inner = { type: 'object', properties: { deep: expect.anything() }, additionalProperties: false };
    expect((await compile()).manifest?.config).toEqual({
      $schema: expect.any(String),
      description: 'Größe 😀.',
      type: 'object',
      properties: {
        a: { description: 'First.\nSecond.', type: 'string', enum: ['/** a text */', "it's"], default: "it's" },
        b: inner,
        c: { type: 'array', items: inner, default: [] },
        d: inner,
      },
      additionalProperties: false,
    });
  }, 60_000);
});

describe('a mistake', () => {
  it("is reported with the author's own line, and leaves no module behind", async () => {
    const report = await failure(`${PLUGIN}const answer: i32 = 'forty-two';\nanswer;\n`);
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
    [
      'a callback in other letters',
      PLUGIN.replace('onRequestHeaders', 'onRequestheaders'),
      'onRequestheaders would never be called; the callback is onRequestHeaders',
      '3,3',
    ],
    [
      'a static callback',
      PLUGIN.replace('onRequestHeaders', 'static onRequestHeaders').replace('this.pause()', 'Action.Pause'),
      'onRequestHeaders would never be called; it is static',
      '3,10',
    ],
    [
      'a configuration in a namespace',
      `${PLUGIN}namespace parts { @config export class Config { a: i32 = 1; } }`,
      'a @config class stands at the top level of a file, in no namespace',
      '13,40',
    ],
    [
      'a plugin in a namespace with a configuration',
      `${PLUGIN}import { ConfiguredPlugin } from '@sluice/plugin-sdk';
@config class Config {}
namespace parts { export abstract class Other extends ConfiguredPlugin<Config> {} }`,
      'the configuration of Other cannot be found',
      '15,41',
    ],
    [
      'a configuration that nobody reads',
      `${PLUGIN}import { ConfiguredPlugin } from '@sluice/plugin-sdk';
@config class Config {}
abstract class Other extends ConfiguredPlugin<Config> { onConfigure(text: string): bool { return true; } }`,
      'ConfiguredPlugin reads the configuration in onConfigure',
      '15,57',
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
    expect(await failure(PLUGIN, description)).toContain(problem);
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
      ['u: f64 = 1e400;', 'the initial value of u must be written out here'],
      ['v: string[][] = [];', 'string[][] cannot be a setting'],
      ['@required private w: i32 = 4;', '@required is for settings, which are public fields; w is none'],
      ['readSettings: i32 = 4;', 'the compiler adds readSettings; take another name'],
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
