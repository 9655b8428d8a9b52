// Every callback is called when it is due, in the order of the ABI and with its arguments.
import type { CaseOutcome } from '../suite.ts';
import { check } from '../until.ts';
import { type Phase, PHASES } from './driver/phases.ts';
import type { Called } from './driver/trace.ts';
import type { OrderName } from './order-scripts.ts';
import type { Plan } from './plan.ts';
import type { DriverWorld } from './world.ts';

/** Callbacks that a gateway for HTTP has no use for; see phases.ts. */
const NEVER: readonly Phase[] = [
  'validate',
  'newConnection',
  'downstreamData',
  'upstreamData',
  'downstreamClose',
  'upstreamClose',
  'requestMetadata',
  'responseMetadata',
  'foreign',
];

const shown = ({ phase, args }: Called): string => `${phase}(${args.join(', ')})`;

/** `S` and `R` are the contexts of the exchange and of the plugin, `*` any number. */
function checkOrder(what: string, trace: readonly Called[], expected: readonly string[]): void {
  const stream = String(trace[0]?.args[0]);
  const seen = trace.map(shown);
  const same = seen.length === expected.length && expected.every((want, index) => matches(want, seen[index]!, stream));
  check(same, `${what}: ${expected.join(' ')}`, seen.join(' '));
}

function matches(want: string, seen: string, stream: string): boolean {
  const [wanted, found] = [want, seen].map((text) => text.split(/[(), ]+/));
  return (
    wanted!.length === found!.length &&
    wanted!.every((word, index) => {
      const other = found![index]!;
      return (
        word === other ||
        (word === '*' && other !== '') ||
        (word === 'S' && other === stream) ||
        (word === 'R' && other === '1')
      );
    })
  );
}

/** End of the stream, which 0.1.0 does not tell with heads. */
const end = ({ abi }: Plan, is: 0 | 1): string => (abi === '0.1.0' ? '' : `, ${is}`);
const END = ['done(S)', 'log(S)', 'delete(S)'];
const RESPONSE = (plan: Plan): string[] => [
  `responseHeaders(S, *${end(plan, 0)})`,
  'responseBody(S, 13, 0)',
  'responseTrailers(S, 1)',
];

/** Callbacks of exchanges. */
export async function callsInOrder(world: DriverWorld, plan: Plan): Promise<CaseOutcome> {
  const run = async (name: OrderName, asked: object): Promise<readonly Called[]> =>
    (await world.exchange(plan, plan.orders[name], asked)).trace;
  const begin = ['contextCreate(S, R)', `requestHeaders(S, *${end(plan, 0)})`];
  const whole = [...begin, 'requestBody(S, 12, 0)', 'requestTrailers(S, 1)', ...RESPONSE(plan), ...END];
  checkOrder('with bodies and trailers', await run('plain', {}), whole);

  const bare = { method: 'GET', body: undefined, trailers: undefined, path: '/abi/plain' };
  checkOrder('without', await run('bare', bare), [
    'contextCreate(S, R)',
    `requestHeaders(S, *${end(plan, 1)})`,
    `responseHeaders(S, *${end(plan, 0)})`,
    'responseBody(S, 6, 1)',
    ...END,
  ]);

  const pieces = { body: ['request', ' body'], trailers: undefined };
  checkOrder('a body that is held', await run('held-body', pieces), [
    ...begin,
    'requestBody(S, 7, 0)',
    'requestBody(S, 12, 0)',
    // All of it has gone on.
    'requestBody(S, 0, 1)',
    ...RESPONSE(plan),
    ...END,
  ]);
  checkOrder('a body that is dropped', await run('dropped-body', pieces), [
    ...begin,
    'requestBody(S, 7, 0)',
    'requestBody(S, 5, 0)',
    'requestBody(S, 0, 1)',
    ...RESPONSE(plan),
    ...END,
  ]);

  const answered = 'callResponse(R, *, *, 12, 1)';
  // Only Higress goes on with the body while the head is held.
  const held = await run(plan.abi === '0.2.100' ? 'held-head' : 'held-head-callout', {});
  checkOrder('a head that is held', held, plan.abi === '0.2.100' ? whole : [...begin, answered, ...whole.slice(2)]);
  return { detail: 'bodies, trailers, held heads, held and dropped bodies' };
}

/** Callbacks of the plugin itself. @param roots traces of its instances, from start to end */
export function pluginCallsInOrder(plan: Plan, roots: readonly (readonly Called[])[]): CaseOutcome {
  check(roots.length > 0, 'traces of instances', roots.length);
  for (const trace of roots) {
    const own = trace.filter(({ args, phase }) => args[0] === 1 || phase === 'start');
    const at = (phase: Phase): number => own.findIndex((called) => called.phase === phase);
    const words = own.map(shown).join(' ');
    const first = own.slice(0, 4).map(({ phase }) => phase);
    check(first.join() === 'start,contextCreate,vmStart,configure', 'start, context, VM, configuration', words);
    check(own[2]!.args[1] === 0 && own[3]!.args[1]! > 0, 'the lengths of the configurations', words);
    for (const phase of ['tick', 'queueReady', 'callResponse', 'redisResponse'] as const) {
      check(at(phase) > 3, `${phase} once it is configured`, words);
    }
    const calls = ['grpcInitial', 'grpcMessage', 'grpcTrailing', 'grpcClose'];
    // The first that a service answered.
    const id = own[at('grpcInitial')]?.args[1];
    const told = own.filter(({ phase, args }) => calls.includes(phase) && args[1] === id).map(({ phase }) => phase);
    check(told.join() === calls.join(), `${calls.join()} of one call`, words);
    check(own.at(-2)?.phase === 'rootDone' && own.at(-1)?.phase === 'rootDelete', 'done and delete at the end', words);
    check(!own.some(({ phase }) => phase === 'log'), 'no log for the plugin', words);
  }
  const never = roots.flat().filter(({ phase }) => NEVER.includes(phase));
  check(never.length === 0, `none of ${NEVER.map((phase) => PHASES[phase].export).join()}`, never.map(shown));
  return { detail: `${roots.length} instances of ABI ${plan.abi}` };
}
