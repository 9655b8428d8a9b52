import { median } from '../statistics.ts';
import { tell, timeInTurns } from './harness.ts';
import { measureMasking, measureMetering } from './metering.ts';
import { instanceMemory } from './plugin-memory.ts';
import { exchange, exchangeOf, filtersOf, prepared, started } from './plugin-rig.ts';

// What plugins of one language cost inside of the gateway. argv: language, module for headers, module for bodies; the
// modules are those of bench/plugin. Prints figures. Needs --expose-gc.

const [, , language = '', headers = '', bodies = ''] = process.argv;
const MANY = 100;
const CHUNK = Buffer.alloc(1024, 'x');
const STARTS = 50;
/** Modules of Go take long. */
const PREPARATIONS = 5;

/** The median of how much longer `longer` takes than `shorter`, turn by turn. */
function beyond(longer: readonly number[], shorter: readonly number[]): number {
  return median(longer.map((nanos, turn) => nanos - shorter[turn]!));
}

function figure(name: string, unit: 'ns' | 'µs' | 'ms' | 'KiB' | '%' | '', value: number): void {
  tell(name, unit, value, language);
}

const module = await prepared(headers);

function memory(): void {
  const { own, beyond: more } = instanceMemory(module, '1 1 0');
  figure('memory of an instance', 'KiB', own);
  figure('an instance beyond its memory', 'KiB', more);
}

async function starts(): Promise<void> {
  const preparing: number[] = [];
  const starting: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const begunAt = performance.now();
    const fresh = i < PREPARATIONS ? await prepared(headers) : module;
    const preparedAt = performance.now();
    const plugin = started(fresh, '1 1 0');
    starting.push(performance.now() - preparedAt);
    if (i < PREPARATIONS) preparing.push(preparedAt - begunAt);
    plugin.close();
  }
  figure('check, meter and compile a module', 'ms', median(preparing));
  figure('start an instance', 'ms', median(starting));
}

function calls(): void {
  const idle = started(module, '0 0 0');
  const before = idle.stats().calls;
  exchange(filtersOf(idle));
  const callbacks = idle.stats().calls - before;
  const chains = [
    [],
    filtersOf(idle),
    filtersOf(started(module, '1 1 0')),
    filtersOf(...Array.from({ length: 10 }, () => started(module, '1 1 0'))),
    filtersOf(started(module, `${MANY} 0 0`)),
    filtersOf(started(module, `0 ${MANY} 0`)),
  ];
  const [none, nothing, one, ten, reads, writes] = timeInTurns(chains.map((filters) => () => exchange(filters)));
  figure('read a header, set a header, beyond an empty chain', 'µs', beyond(one!, none!) / 1000);
  figure('ten such plugins, beyond an empty chain', 'µs', beyond(ten!, none!) / 1000);
  figure('callbacks of an exchange', '', callbacks);
  figure('a callback that does nothing', 'ns', beyond(nothing!, none!) / callbacks);
  figure('read a header', 'ns', beyond(reads!, nothing!) / MANY);
  figure('set a header', 'ns', beyond(writes!, nothing!) / MANY);
}

async function chunks(): Promise<void> {
  const filters = filtersOf(started(await prepared(bodies), '0 0 0'));
  const [few, many] = timeInTurns([() => exchangeOf(1, CHUNK, filters), () => exchangeOf(1 + MANY, CHUNK, filters)]);
  figure('read a chunk of 1 KiB of a body', 'ns', beyond(many!, few!) / MANY);
}

memory();
await starts();
calls();
await chunks();
await measureMetering(language, module, headers);
if (language === 'AssemblyScript') await measureMasking(language);
