import { envoyProgram, envoyVersion, installEnvoy } from '../envoy.ts';
import { benchPlugin } from '../plugin/guests.ts';
import { unable, withTwoPorts } from './peers.ts';
import { type Demands, filled, type Place, type Running, type Subject } from './subject.ts';

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
    await installEnvoy(tell);
  }

  async obstacle(demands: Demands): Promise<string | null> {
    return unable(demands, { tls: true });
  }

  async versions(): Promise<Readonly<Record<string, string>>> {
    return { envoy: (await envoyVersion()) ?? '' };
  }

  async start(place: Place): Promise<Running> {
    const module = this.#plugins === 0 ? '' : await benchPlugin();
    const numbers = Array.from({ length: this.#plugins }, (_, at) => at + 1);
    const filters = await Promise.all(numbers.map((number) => filled('envoy-plugin.yaml', { number, module })));
    const program = (await envoyProgram())!;
    const command = (file: string): string[] => {
      return [program, '-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
    };
    return withTwoPorts(this.name, place, 'envoy.yaml', command, { plugins: filters.join('') });
  }
}
