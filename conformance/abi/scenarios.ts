// What every guest does when a request asks for it by the header `x-scenario`, whatever its language.
import type { Ask, Reply } from './client.ts';
import type { SeenRequest } from './service.ts';

export interface Scenario {
  readonly name: string;
  readonly ask?: Partial<Ask>;
  /** null: as it should be. @param seen what the service got; null: nothing */
  readonly problem: (reply: Reply | null, seen: SeenRequest | null) => string | null;
  /** What the process log, or the metrics, must come to show; a guest may have a reason not to. */
  readonly logs?: readonly string[];
  /** Lines that must never be there. */
  readonly silent?: readonly string[];
  readonly metrics?: readonly RegExp[];
}

const WITH_BODY: Partial<Ask> = { method: 'POST', body: ['request', ' body'], trailers: { 'x-trailer': 't' } };

const valuesOf = (seen: SeenRequest | null, name: string): string =>
  (seen?.headers ?? [])
    .filter(([key]) => key === name)
    .map(([, value]) => value)
    .join('|');

function unequal(pairs: readonly (readonly [what: string, got: unknown, want: unknown])[]): string | null {
  const wrong = pairs.find(([, got, want]) => got !== want);
  return wrong === undefined ? null : `${wrong[0]} is ${JSON.stringify(wrong[1])}, not ${JSON.stringify(wrong[2])}`;
}

/** An answer of the plugin's own; the service must not have heard of the request unless `late`. */
const ownReply = (status: number, body: string, phase = '', late = false) => {
  return (reply: Reply | null, seen: SeenRequest | null): string | null =>
    unequal([
      ['the status', reply?.status, status],
      ['the body', reply?.body, body],
      ...(phase === '' ? [] : [['x-local', reply?.headers['x-local'], phase] as const]),
      ...(late ? [] : [['what the service got', seen, null] as const]),
    ]);
};

const header = (name: string, ...values: readonly string[]) => {
  return (_reply: Reply | null, seen: SeenRequest | null): string | null =>
    values.includes(valuesOf(seen, name)) ? null : `${name} is ${valuesOf(seen, name)}, not ${values.join(' or ')}`;
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'headers',
    ask: { headers: { 'x-replace': ['old', 'older'], 'x-remove': '1' } },
    problem: (reply, seen) =>
      unequal([
        ['x-added', valuesOf(seen, 'x-added'), '1|2'],
        ['x-replace', valuesOf(seen, 'x-replace'), 'new'],
        ['x-remove', valuesOf(seen, 'x-remove'), ''],
        ['x-up', reply?.headers['x-up'], 'changed'],
        ['x-resp', reply?.headers['x-resp'], '1'],
        ['x-two', reply?.headers['x-two'], undefined],
      ]),
  },
  {
    name: 'pairs',
    // Four pseudo headers, and at least those of the request's own.
    problem: (_reply, seen) =>
      Number(valuesOf(seen, 'x-count')) >= 6 ? null : `x-count is ${valuesOf(seen, 'x-count')}`,
  },
  {
    name: 'body',
    ask: { method: 'POST', path: '/plain', body: ['request', ' body'] },
    problem: (reply, seen) =>
      unequal([
        ['the body of the request', seen?.body, 'rewritten:request body'],
        ['the body of the response', reply?.body, 'rewritten:plain rewritten:request body'],
      ]),
  },
  {
    name: 'trailers',
    ask: WITH_BODY,
    problem: (reply, seen) =>
      unequal([
        ['a trailer of the request', seen?.trailers['x-guest-trailer'], 't'],
        ['a trailer of the response', reply?.trailers['x-guest-tail'], 'z'],
      ]),
  },
  { name: 'local-headers', problem: ownReply(403, 'local headers', 'headers') },
  { name: 'local-body', ask: WITH_BODY, problem: ownReply(403, 'local body', 'body') },
  { name: 'local-response', problem: ownReply(403, 'local response', 'response', true) },
  { name: 'config', problem: ownReply(200, '{"greeting":"hello"}') },
  { name: 'callout', problem: header('x-called', '200 yes callout body') },
  { name: 'callout-reply', problem: ownReply(401, 'callout body') },
  { name: 'callout-refused', problem: ownReply(500, 'refused') },
  { name: 'grpc', problem: header('x-grpc', '0 unary') },
  { name: 'grpc-stream', problem: header('x-grpc', 'i one two t 0') },
  { name: 'queue', problem: () => null, logs: ['abi dequeued item'] },
  { name: 'tick', problem: () => null, logs: ['abi tick'] },
  {
    name: 'metrics',
    problem: () => null,
    metrics: [/guest_counter.* [2-9]/, /guest_gauge.* 7/, /guest_histogram.* [1-9]/],
  },
  {
    name: 'property',
    problem: (reply, seen) =>
      unequal([
        ['x-prop-method', valuesOf(seen, 'x-prop-method'), 'GET'],
        ['x-prop-set', valuesOf(seen, 'x-prop-set'), 'set'],
        ['x-prop-absent', valuesOf(seen, 'x-prop-absent'), 'absent'],
        ['x-prop-code', reply?.headers['x-prop-code'], '200'],
      ]),
  },
  { name: 'foreign', problem: header('x-foreign', 'abi', '4') },
  {
    name: 'log',
    problem: () => null,
    logs: ['abi info line', 'abi warn line', 'abi error line', 'abi logged 200'],
    silent: ['abi trace line', 'abi debug line'],
  },
  // Counts in all workers: see case-guests.ts.
  { name: 'shared', problem: (reply) => (Number(reply?.body) >= 1 ? null : `the count is ${reply?.body}`) },
  { name: 'panic', problem: ownReply(503, '', '', true) },
];
