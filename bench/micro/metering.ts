import type { FilterFactory } from '../../gateway/src/filters/filter.ts';
import type { PreparedModule } from '../../gateway/src/wasm/module.ts';
import { buildPlugin } from '../../plugins/build.ts';
import { median } from '../statistics.ts';
import { tell, timeInTurns } from './harness.ts';
import { exchange, exchangeOf, filtersOf, prepared, started } from './plugin-rig.ts';
import { unmetered } from './unmetered.ts';

const ROUNDS = 10_000;
/** Of a body that is masked. */
const DEVICES = 100;

/** Prints by how many percent metering lengthens what the plugin does. @param file of its module */
export async function measureMetering(language: string, module: PreparedModule, file: string): Promise<void> {
  const both = [module, await unmetered(module, file)];
  const share = (name: string, configuration: string): void => {
    const chains = both.map((each) => filtersOf(started(each, configuration)));
    compare(name, language, [], chains, exchange);
  };
  share('metering: read a header, set a header', '1 1 0');
  share(`metering: ${ROUNDS} turns of a loop of arithmetic`, `0 0 ${ROUNDS}`);
}

/** The same of a plugin that looks at every byte of a body. */
export async function measureMasking(language: string): Promise<void> {
  const { path: file } = await buildPlugin('body-mask');
  const module = await prepared(file);
  const configuration = JSON.stringify({ fields: ['wifiPassword'] });
  const chains = [module, await unmetered(module, file)].map((each) => filtersOf(started(each, configuration)));
  const device = { id: 'd-0123456789', name: 'Kitchen', wifiPassword: 'correct horse', rooms: [1, 2, 3], online: true };
  const body = Buffer.from(JSON.stringify(Array.from({ length: DEVICES }, () => device)));
  compare(`metering: mask ${body.length} bytes of JSON`, language, null, chains, (filters) =>
    exchangeOf(1, body, filters),
  );
}

/** @param idle the chain whose time is not the plugin's; null: all of it is */
function compare(
  name: string,
  language: string,
  idle: readonly FilterFactory[] | null,
  chains: readonly (readonly FilterFactory[])[],
  run: (filters: readonly FilterFactory[]) => unknown,
): void {
  const works = [...chains, ...(idle === null ? [] : [idle])].map((filters) => () => run(filters));
  const [metered = [], plain = [], others = plain.map(() => 0)] = timeInTurns(works);
  const added = median(metered.map((nanos, turn) => nanos - plain[turn]!));
  tell(name, '%', (100 * added) / median(plain.map((nanos, turn) => nanos - others[turn]!)), language);
}
