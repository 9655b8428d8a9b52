// A plugin's folder for tests, with an SDK in it that "compiles" at once: the source is the name of a module, or an error.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pluginModule } from '../wasm/wat.suite.ts';

const COMPILE = `
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
export async function compilePlugin({ folder, debug = false }) {
  const source = readFileSync(folder + '/assembly/plugin.ts', 'utf8');
  if (!source.endsWith('.wasm')) throw Object.assign(new Error('ERROR ' + source), { name: 'PluginCompileError' });
  const { name, permissions } = JSON.parse(readFileSync(folder + '/plugin.json', 'utf8'));
  const path = folder + '/build/' + name + '.wasm';
  mkdirSync(folder + '/build', { recursive: true });
  copyFileSync(folder + '/' + source, path + '.fresh');
  renameSync(path + '.fresh', path);
  const config = { properties: { header: {}, keys: {} }, required: ['keys'] };
  const manifest = { name, version: '1.2.3', phases: ['requestHeaders'], permissions, config };
  const sections = [{ name: 'type', bytes: 5 }, { name: 'code', bytes: 70 }];
  return { path, size: statSync(path).size, compiled: true, warnings: debug ? 'WARNING' : '', manifest, sections };
}
`;

/** A module that answers every request with this status. @param refused length of the configuration that it does not take */
export function answering(status: number, refused = 0): Uint8Array {
  const answer = `(drop (call $send_local_response (i32.const ${status}) ${'(i32.const 0) '.repeat(6)} (i32.const -1)))`;
  return pluginModule({
    callbacks: {
      proxy_on_configure: `(i32.ne (local.get 1) (i32.const ${refused}))`,
      proxy_on_request_headers: `${answer} (i32.const 1)`,
    },
  });
}

/** A plugin's folder with the SDK of tests, below one that `remove` takes away. */
export class TestFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-plugin-folder-'));

  constructor() {
    this.write({
      'node_modules/@sluice/plugin-sdk/package.json': '{"type":"module","exports":{"./compile":"./compile.js"}}',
      'node_modules/@sluice/plugin-sdk/compile.js': COMPILE,
      'plugin.json': '{"name":"test-plugin","permissions":{"services":["auth"],"properties":[]}}',
      'assembly/plugin.ts': 'a.wasm',
      'a.wasm': answering(201),
    });
  }

  /** Each file whole, by renaming. */
  write(files: Readonly<Record<string, string | Uint8Array>>): this {
    for (const [name, content] of Object.entries(files)) {
      const file = join(this.path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.fresh`, content);
      renameSync(`${file}.fresh`, file);
    }
    return this;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a command prints. */
export class TestOutput {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly print = (line: string): void => void this.lines.push(line);
  readonly printError = (line: string): void => void this.errors.push(line);

  get text(): string {
    return this.lines.join('\n');
  }

  get errorText(): string {
    return this.errors.join('\n');
  }
}
