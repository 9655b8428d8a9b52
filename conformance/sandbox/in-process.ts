// Attacks in the plugin host alone, without sockets.
import {
  loadPlugin,
  type PluginTestHost,
  TestClock,
  type TestExchange,
  type TestResult,
} from '../../gateway/src/testing/index.ts';
import { Unmet } from '../until.ts';
import type { Attack, Policy, Seen } from './attack.ts';
import { SERVICE } from './guest.ts';
import { failureLine, type Sighting } from './judge.ts';

/** Less than the gateway's defaults: what is proven does not depend on how much there is to burn. */
const FUEL = 200_000;
/** No pause, tick or promise is left after so much of its time. */
const LONGEST_MS = 60_000;

/** An exchange that has all a plugin may be called for: bodies and trailers both ways. */
export const FULL_EXCHANGE: TestExchange = {
  request: {
    method: 'POST',
    headers: { 'x-any': 'some value' },
    body: ['some ', 'body'],
    trailers: { 'x-trailer': '1' },
  },
  upstream: { headers: { 'x-any': 'other' }, body: ['a', ' response'], trailers: { 'x-trailer': '2' } },
};

/** Loads a module as an attack is loaded. @throws GatewayError as `loadPlugin` */
export function loadHostile(
  bytes: Uint8Array,
  policy: Policy,
  { limits, allow }: Pick<Attack, 'limits' | 'allow'>,
  clock: TestClock,
): Promise<PluginTestHost> {
  const fuel = limits?.fuel ?? FUEL;
  const { hostCalls, ...others } = allow ?? {};
  return loadPlugin(bytes, {
    fuel: { request: fuel, tick: fuel, configure: Math.max(fuel, 1_000_000) },
    memory: (limits?.memoryMiB ?? 1) * 1024 * 1024,
    onFailure: policy,
    checkConfig: false,
    clock,
    services: { [SERVICE]: answerLater },
    permissions: { ...others, ...(hostCalls === undefined ? {} : { hostCalls: { allow: null, ...hostCalls } }) },
  });
}

/** As a network does: never in the same turn of the event loop. */
async function answerLater(): Promise<{ body: string }> {
  await new Promise(setImmediate);
  return { body: 'answer' };
}

/** One exchange. Lets so much time pass that whatever it waits for is over. @throws Unmet when it never ends */
export async function settle(host: PluginTestHost, clock: TestClock, exchange = FULL_EXCHANGE): Promise<TestResult> {
  const settled: TestResult[] = [];
  void host.exchange(exchange).then((result) => settled.push(result));
  for (let passed = 0; passed <= LONGEST_MS; passed += 1000) {
    // What others answer comes in turns of the event loop; most ends in the first.
    for (let turns = 0; turns < 3 && settled.length === 0; turns++) await new Promise(setImmediate);
    const [result] = settled;
    if (result !== undefined) return result;
    await clock.advance(1000);
  }
  throw new Unmet('the exchange to end', `nothing after ${LONGEST_MS} ms`);
}

export function seenOf({ response, error }: TestResult): Seen {
  if (error !== null) return error;
  return response === null ? 'reset' : String(response.status);
}

/** @throws Unmet */
export async function runInProcess(attack: Attack, policy: Policy): Promise<Sighting> {
  const clock = new TestClock();
  let host: PluginTestHost;
  try {
    host = await loadHostile(attack.module(), policy, attack, clock);
  } catch (error) {
    return { refusal: (error as Error).message, answers: [], traps: {}, failures: [] };
  }
  const answers: Seen[] = [];
  if (attack.lastsMs !== undefined) await clock.advance(attack.lastsMs);
  for (let left = attack.exchanges ?? 2; left > 0; left--) answers.push(seenOf(await settle(host, clock)));
  host.close();
  // The plugin's own end, and what was promised for later.
  await clock.advance(LONGEST_MS);
  const failures = host.logs
    .filter(({ fields }) => fields['callback'] !== undefined)
    .map(({ fields, message }) => failureLine(fields, message));
  return { refusal: '', answers, traps: host.stats.traps, failures };
}
