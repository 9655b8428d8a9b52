// Guests in several languages: how each is built, and what its SDK cannot do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { compilePlugin } from '../../sdk/compile.ts';
import { environment, sh } from '../shell.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const GUESTS = join(import.meta.dirname, 'guests');
const BUILD = join(GUESTS, 'build');
const { resolve } = createRequire(import.meta.url);

/** Why a guest cannot be built. */
export interface Missing {
  readonly reason: string;
  /** The whole toolchain is not there, which is no fault of this machine. */
  readonly excused: boolean;
}

export interface Guest {
  readonly name: string;
  /** In words. */
  readonly made: string;
  /** Scenarios that its SDK has nothing for, each with the reason. */
  readonly without: Readonly<Record<string, string>>;
  /** null: it can be built here. */
  missing(): Missing | null;
  /** Builds it, or takes what was built from the same sources; answers the module's path. */
  build(): Promise<string>;
}

const NO_GRPC = { grpc: 'the SDK has no gRPC', 'grpc-stream': 'the SDK has no gRPC' };

/** Runs `make` unless its output was made from the same files and words. */
async function cached(
  name: string,
  words: readonly string[],
  make: (output: string) => Promise<void>,
): Promise<string> {
  const folder = join(GUESTS, name);
  const hash = createHash('sha256').update(words.join('\0'));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    if (!relative(folder, file).startsWith('target'))
      hash.update(`\0${relative(folder, file)}\0`).update(readFileSync(file));
  }
  const digest = hash.digest('hex');
  const output = join(BUILD, `${name}.wasm`);
  const note = `${output}.digest`;
  if (existsSync(output) && existsSync(note) && readFileSync(note, 'utf8') === digest) return output;
  mkdirSync(BUILD, { recursive: true });
  await make(output);
  writeFileSync(note, digest);
  return output;
}

function printed(command: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** An AssemblyScript guest; its compiler is an npm package. */
function assemblyScript(name: string, compiler: string, options: readonly string[]): Promise<string> {
  const script = resolve(compiler);
  const words = [readFileSync(script.replace(/bin\/asc(\.js)?$/, 'package.json'), 'utf8'), ...options];
  return cached(name, words, async (output) => {
    const entry = relative(ROOT, join(GUESTS, name, 'assembly', 'main.ts'));
    await sh(process.execPath, [script, entry, '--baseDir', '.', ...options, '-o', output], { cwd: ROOT });
  });
}

/** What `throw` calls; both third-party SDKs bring their own. */
const ABORT = ['--use', 'abort=abort_proc_exit'];
/** Relative to the root: what the file names is not found otherwise. */
const SHIM = 'node_modules/@assemblyscript/wasi-shim/asconfig.json';

const sluice: Guest = {
  name: 'sluice',
  made: 'AssemblyScript, @sluice/plugin-sdk',
  without: { ...NO_GRPC, queue: 'the SDK has no queues', foreign: 'the SDK has no foreign functions' },
  missing: () => null,
  build: async () =>
    (
      await compilePlugin({
        folder: join(GUESTS, 'sluice'),
        entry: 'assembly/main.ts',
        output: join(BUILD, 'sluice.wasm'),
      })
    ).path,
};

const gcore: Guest = {
  name: 'gcore',
  made: 'AssemblyScript, @gcoredev/proxy-wasm-sdk-as',
  without: NO_GRPC,
  missing: () => null,
  build: () => assemblyScript('gcore', 'assemblyscript/bin/asc.js', ['--config', SHIM, ...ABORT, '-O3s', '--noAssert']),
};

const solo: Guest = {
  name: 'solo',
  made: 'AssemblyScript 0.14, @solo-io/proxy-runtime',
  without: {
    ...NO_GRPC,
    config: 'the SDK takes the length of its configuration for an address',
    body: 'the SDK cannot change bodies',
    'local-body': 'its index hides the buffers',
    queue: 'the SDK hands the address of a queue to the host by value',
    shared: 'the SDK hands the addresses of shared data to the host by value',
    property: 'its index hides the properties',
    foreign: 'the SDK has no foreign functions',
    metrics: 'its gauges hand on a number that the plugin cannot know',
  },
  missing: () => null,
  build: () => assemblyScript('solo', 'assemblyscript-0.14/bin/asc', [...ABORT, '--optimize']),
};

const GO = { ...environment(), GOOS: 'wasip1', GOARCH: 'wasm' };

const go: Guest = {
  name: 'go',
  made: 'Go, github.com/proxy-wasm/proxy-wasm-go-sdk',
  without: NO_GRPC,
  missing() {
    const version = /go(\d+)\.(\d+)/.exec(printed('go', ['version']) ?? '');
    if (version === null) return { reason: 'go is not on the PATH', excused: true };
    const [major, minor] = [Number(version[1]), Number(version[2])];
    if (major > 1 || minor >= 24) return null;
    return { reason: `go ${major}.${minor} cannot build plugins, 1.24 can`, excused: false };
  },
  build: () =>
    cached('go', [printed('go', ['version']) ?? ''], async (output) => {
      const args = ['build', '-buildmode=c-shared', '-trimpath', '-buildvcs=false', '-o', output, '.'];
      await sh('go', args, { cwd: join(GUESTS, 'go'), env: GO });
    }),
};

const RUST_TARGET = 'wasm32-wasip1';

const rust: Guest = {
  name: 'rust',
  made: 'Rust, crate proxy-wasm',
  without: {},
  missing() {
    if (printed('cargo', ['--version']) === null) return { reason: 'cargo is not on the PATH', excused: true };
    const libraries = printed('rustc', ['--print', 'target-libdir', '--target', RUST_TARGET]);
    if (libraries !== null && existsSync(libraries)) return null;
    const reason = `the Rust compiler has no standard library for ${RUST_TARGET}: rustup target add ${RUST_TARGET}`;
    return { reason, excused: true };
  },
  build: () =>
    cached('rust', [printed('rustc', ['--version']) ?? ''], async (output) => {
      const target = join(BUILD, 'rust');
      const args = ['build', '--release', '--locked', '--target', RUST_TARGET, '--target-dir', target];
      await sh('cargo', args, { cwd: join(GUESTS, 'rust') });
      copyFileSync(join(target, RUST_TARGET, 'release', 'guest.wasm'), output);
    }),
};

export const GUEST_LIST: readonly Guest[] = [sluice, gcore, solo, go, rust];
