import { median } from '../statistics.ts';
import { tell, timeInTurns } from './harness.ts';
import { exchange, exchangeOf, filtersOf, prepared, started } from './plugin-rig.ts';

// What calls of the SDK cost inside of the gateway. argv: the module of bench/plugin/assembly/sdk.ts. Prints figures: time,
// instructions, and bytes on the plugin's heap. Needs --expose-gc.

const CALLS = [
  'request.get, there',
  'request.get, absent',
  'request.getBytes',
  'request.set',
  'request.setBytes',
  'request.entries',
  'properties.text',
  'body.length',
  'body.bytes of 1 KiB',
  'body.replace of 1 KiB',
  'body.text of 1 KiB',
  'sharedData.get',
  'sharedData.add',
  'Counter.increment',
  'log.debug below the level',
  'time.milliseconds',
];
const MANY = 100;
const CHUNK = Buffer.alloc(1024, 'x');
const ROUNDS = 50;
/** So few that nothing is collected meanwhile. */
const EXCHANGES = 200;

const module = await prepared(process.argv[2]!);

/** A plugin that makes one call so often in each exchange. */
function calling(what: string, count: number) {
  const plugin = started(module, `${what}*${count}`);
  const filters = filtersOf(plugin);
  const run = () => exchangeOf(1, CHUNK, filters);
  return { plugin, run };
}

/** Instructions of one exchange. */
function fuelOf({ plugin, run }: ReturnType<typeof calling>): number {
  const before = plugin.stats().fuel;
  for (let i = 0; i < MANY; i++) run();
  return (plugin.stats().fuel - before) / MANY;
}

function costOf(what: string): void {
  const idle = calling(what, 0);
  const busy = calling(what, MANY);
  const [none, many] = timeInTurns([idle.run, busy.run]);
  const nanos = median(many!.map((value, turn) => value - none![turn]!)) / MANY;
  const bytes = busy.plugin.samples().find(({ name }) => name === 'allocated')?.value ?? 0;
  tell(what, '', nanos, 'ns');
  tell(what, '', (fuelOf(busy) - fuelOf(idle)) / MANY, 'instructions');
  tell(what, '', bytes / MANY, 'bytes');
  idle.plugin.close();
  busy.plugin.close();
}

/** Bytes on the heap of JavaScript that one call of `work` leaves to the collector. */
function garbageOf(work: () => unknown): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    globalThis.gc!();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < EXCHANGES; i++) work();
    return (process.memoryUsage().heapUsed - before) / EXCHANGES;
  });
  return median(rounds);
}

/** Bytes that one exchange leaves to the collector of the plugin. */
function leftOver(): number {
  const plugin = started(module, 'heap*0');
  const filters = filtersOf(plugin);
  for (let i = 0; i < 10; i++) exchange(filters);
  const value = plugin.samples().find(({ name }) => name === 'left')?.value ?? 0;
  plugin.close();
  return value;
}

function exchanges(): void {
  const plugin = started(module, '*0');
  const filters = filtersOf(plugin);
  const [none, one] = timeInTurns([() => exchange([]), () => exchange(filters)]);
  const name = 'an exchange in which the plugin does nothing';
  const before = plugin.stats().fuel;
  for (let i = 0; i < MANY; i++) exchange(filters);
  tell(name, '', median(one!.map((value, turn) => value - none![turn]!)), 'ns');
  tell(name, '', (plugin.stats().fuel - before) / MANY, 'instructions');
  tell('the same, on the heap of the plugin', '', leftOver(), 'bytes');
  tell(
    'the same, on the heap of JavaScript',
    '',
    garbageOf(() => exchange(filters)) - garbageOf(() => exchange([])),
    'bytes',
  );
  plugin.close();
}

exchanges();
for (const what of CALLS) costOf(what);
