import type { ValueMatch } from '../config/schema-common.ts';
import type { LaneRuleConfig } from '../config/schema-tenant.ts';
import { compileRegex } from '../core/regex.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { CidrList } from './client-ip.ts';
import { cookieValue, headerValue, queryValue } from './values.ts';

/** What routes and lane rules ask of a request besides its path and method; all of a list must hold. */
export interface Condition {
  test(x: Exchange): boolean;
}

type ValueTest = (value: string | undefined) => boolean;

function compileValueTest(match: ValueMatch): ValueTest {
  const { exact, prefix, regex, in: list, present } = match;
  if (exact !== undefined) return (value) => value === exact;
  if (prefix !== undefined) return (value) => value?.startsWith(prefix) === true;
  if (regex !== undefined) {
    const compiled = compileRegex(regex);
    return (value) => value !== undefined && compiled.test(value);
  }
  if (list !== undefined) {
    const values = new Set(list);
    return (value) => value !== undefined && values.has(value);
  }
  return present === false ? (value) => value === undefined : (value) => value !== undefined;
}

/** Where a condition finds its value. */
type ValueSource = (x: Exchange, name: string) => string | undefined;

const fromHeader: ValueSource = (x, name) => headerValue(x.requestHeaders, name);
const fromCookie: ValueSource = (x, name) => cookieValue(x.requestHeaders, name);
const fromQuery: ValueSource = (x, name) => queryValue(x.target, name);

class ValueCondition implements Condition {
  readonly #name: string;
  readonly #source: ValueSource;
  readonly #test: ValueTest;

  constructor(name: string, source: ValueSource, match: ValueMatch) {
    this.#name = name;
    this.#source = source;
    this.#test = compileValueTest(match);
  }

  test(x: Exchange): boolean {
    return this.#test(this.#source(x, this.#name));
  }
}

class ClientIpCondition implements Condition {
  readonly #list: CidrList;

  constructor(list: readonly string[]) {
    this.#list = new CidrList(list);
  }

  test(x: Exchange): boolean {
    return this.#list.contains(x.clientAddress);
  }
}

/** The part that route matches and lane rules have in common. */
export type ConditionsConfig = Pick<LaneRuleConfig, 'headers' | 'query' | 'cookies' | 'clientIp'>;

/**
 * Conditions of a route match or lane rule, cheap ones first. Of a repeated header, parameter or cookie the first value
 * is compared; two conditions on one name must both hold. Throws on a pattern or CIDR that is not valid.
 */
export function compileConditions(config: ConditionsConfig): Condition[] {
  const conditions: Condition[] = [];
  for (const match of config.headers ?? []) {
    conditions.push(new ValueCondition(match.name.toLowerCase(), fromHeader, match));
  }
  for (const match of config.cookies ?? []) conditions.push(new ValueCondition(match.name, fromCookie, match));
  for (const match of config.query ?? []) conditions.push(new ValueCondition(match.name, fromQuery, match));
  if (config.clientIp !== undefined) conditions.push(new ClientIpCondition(config.clientIp));
  return conditions;
}

/** Whether every condition holds; true for none. */
export function allHold(conditions: readonly Condition[], x: Exchange): boolean {
  for (const condition of conditions) if (!condition.test(x)) return false;
  return true;
}
