// Whether both gateways did the same, and the right thing.
import { isDeepStrictEqual } from 'node:util';
import { check } from '../until.ts';
import type { Case, Expected } from './case.ts';
import { type Difference, joinedAlike, type Side, withoutOwn } from './differences.ts';
import type { Fields } from './message.ts';
import { CASE_HEADER } from './service.ts';
import type { Observed } from './world.ts';

/** @returns what was the same, in words @throws Unmet when the two differ, or both are wrong */
export function compared(one: Case, sluice: Observed, envoy: Observed, used: Set<Difference>): string {
  checkExpected('sluice', one.expected, sluice);
  checkExpected('envoy', one.differs?.envoy ?? one.expected, envoy);
  if (one.differs !== undefined) return `not the same: ${one.differs.reason}`;
  const [a, b] = [normalized(one, 'sluice', sluice, used), normalized(one, 'envoy', envoy, used)];
  const differences = differencesOf(a, b);
  check(differences.length === 0, 'the same of Sluice and Envoy', differences.join('; '));
  const { status, body } = sluice.response ?? { status: 'no response', body: '' };
  return `${status}, ${body.length} bytes, ${sluice.requests.length} requests to the service`;
}

function checkExpected(side: Side, expected: Expected, { response, requests }: Observed): void {
  const { status, body, headers = {}, service, cut = false } = expected;
  if (cut)
    check(response === null || response.cut, `a response of ${side} that breaks off`, part(response?.body ?? ''));
  else {
    check(response !== null && !response.cut, `a whole response of ${side}`, response === null ? 'none' : 'a part');
    check(response!.status === status, `status ${status} of ${side}`, `${response!.status} ${part(response!.body)}`);
    if (body !== undefined) checkSame(`body of ${side}`, body, response!.body);
    checkHeaders('response', side, headers, response!.headers);
  }
  const count = service === null ? 0 : 1;
  check(requests.length === count, `${count} requests of ${side} to the service`, requests.length);
  if (service === null || service === undefined) return;
  const [request] = requests;
  if (service.target !== undefined) checkSame(`target by ${side}`, service.target, request!.target);
  if (service.body !== undefined) checkSame(`body by ${side}`, service.body, request!.body);
  checkHeaders('request', side, service.headers ?? {}, request!.headers);
}

function checkSame(what: string, expected: string, seen: string): void {
  check(expected === seen, `${what}: ${part(expected)}`, part(seen));
}

function checkHeaders(of: Difference['of'], side: Side, expected: Fields, seen: Fields): void {
  const wanted = joinedAlike(expected, of, new Set());
  const there = joinedAlike(seen, of, new Set());
  for (const [name, values] of Object.entries(wanted)) {
    const own = there[name] ?? [];
    check(isDeepStrictEqual(own, values), `${of} of ${side}: ${name}: ${JSON.stringify(values)}`, own);
  }
}

/** What has to be the same on both sides; of a response that breaks off, that it does. */
function normalized(
  { headers, answer, expected }: Case,
  side: Side,
  { response, requests }: Observed,
  used: Set<Difference>,
) {
  const named = (lines: readonly string[], more: object = {}) =>
    new Set([...lines.map((line) => line.slice(0, line.indexOf(':')).toLowerCase()), ...Object.keys(more)]);
  const keptRequest = named(headers, expected.service?.headers);
  const keptResponse = named(answer.headers, expected.headers);
  const compared = (of: Difference['of'], fields: Fields, kept: ReadonlySet<string>): Fields =>
    joinedAlike(withoutOwn(fields, of, side, kept, used), of, used);
  return {
    response:
      response === null || response.cut
        ? 'broken off'
        : { ...response, headers: compared('response', response.headers, keptResponse) },
    requests: requests.map((request) => {
      // Each exchange has a number of its own.
      const { [CASE_HEADER]: _, ...rest } = request.headers;
      return { ...request, headers: compared('request', rest, keptRequest) };
    }),
  };
}

function part(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} bytes)` : text;
}

/** Where two values differ, as lines `place: one | other`. */
function differencesOf(a: unknown, b: unknown, place = ''): string[] {
  if (isDeepStrictEqual(a, b)) return [];
  if (!isTree(a) || !isTree(b)) return [`${place}: ${shown(a)} | ${shown(b)}`];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    differencesOf(a[key], b[key], place === '' ? key : `${place}.${key}`),
  );
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && (!Array.isArray(value) || value.some((it) => typeof it === 'object'))
  );
}

const shown = (value: unknown): string => part(JSON.stringify(value) ?? 'nothing');
