import type { ValueMatch } from '../config/schema-common.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { allHold, compileConditions, type ConditionsConfig } from '../routing/predicates.ts';
import { cookieValue, headerValue, queryValue } from '../routing/values.ts';
import { describeComparison } from '../server/status.ts';

/** Longer values are cut: what matters is how they begin. */
const SHOWN_LENGTH = 80;

/** One condition, and the words for it. */
interface Part {
  readonly config: ConditionsConfig;
  readonly words: string;
  readonly actual: (x: Exchange) => string | undefined;
}

function partsOf({ headers = [], cookies = [], query = [], clientIp }: ConditionsConfig): Part[] {
  const parts: Part[] = [];
  const add = (label: string, match: ValueMatch, config: ConditionsConfig, actual: Part['actual']): void => {
    parts.push({ config, words: describeComparison(label, match), actual });
  };
  for (const match of headers) {
    add('header', match, { headers: [match] }, (x) => headerValue(x.requestHeaders, match.name.toLowerCase()));
  }
  for (const match of cookies) {
    add('cookie', match, { cookies: [match] }, (x) => cookieValue(x.requestHeaders, match.name));
  }
  for (const match of query) add('query', match, { query: [match] }, (x) => queryValue(x.target, match.name));
  if (clientIp !== undefined) {
    parts.push({ config: { clientIp }, words: `client ${clientIp.join(',')}`, actual: (x) => x.clientAddress });
  }
  return parts;
}

/** All conditions in words; '' when there is none. */
export function describeConditions(config: ConditionsConfig): string {
  return partsOf(config)
    .map(({ words }) => words)
    .join(', ');
}

/** Each condition that does not hold, with what the request has in its place. */
export function unmetConditions(config: ConditionsConfig, x: Exchange): string[] {
  return partsOf(config)
    .filter((part) => !allHold(compileConditions(part.config), x))
    .map(({ words, actual }) => `${words}: ${describeValue(actual(x))}`);
}

function describeValue(value: string | undefined): string {
  if (value === undefined) return 'it is absent';
  const cut = value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}…` : value;
  return `it is ${JSON.stringify(cut)}`;
}
