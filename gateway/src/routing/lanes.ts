import { randomUUID } from 'node:crypto';
import type { LaneConfig, LaneRuleConfig, StickyByConfig, TenantConfig } from '../config/schema-tenant.ts';
import { GatewayError } from '../core/errors.ts';
import { BUCKETS, bucketOf } from '../core/hash.ts';
import { LIMITS } from '../core/limits.ts';
import { runThrough, type Steps } from '../core/steps.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { allHold, compileConditions, type Condition } from './predicates.ts';
import { cookieValue, headerValue, queryValue } from './values.ts';

const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** What is decided about the lane of one request. It may live as long as the exchange, or be reset and used again. */
export class LaneDecision {
  /** null = baseline. */
  lane: Lane | null = null;
  /** Why: 'plugin', 'tag', 'rule 1', 'percentage 2' (place in the lane's rules, from 1); '' for baseline. */
  rule = '';
  /** Set-Cookie values that the response must carry, so that issued keys stick; null = none. Baseline has them too. */
  setCookies: string[] | null = null;

  reset(): void {
    this.lane = null;
    this.rule = '';
    this.setCookies = null;
  }
}

/** Where a rule finds the key that a request sticks to. */
class StickyKey {
  readonly #config: StickyByConfig;
  readonly #header: string;

  constructor(config: StickyByConfig) {
    this.#config = config;
    this.#header = config.header?.toLowerCase() ?? '';
  }

  /** The key; '' when there is none. May issue one, noted in `decision`. */
  of(x: Exchange, decision: LaneDecision): string {
    const key = this.#find(x) ?? '';
    if (key === '' && this.#config.issue === true && this.#config.cookie !== undefined) {
      return issueKey(this.#config.cookie, x, decision);
    }
    return key.length > LIMITS.stickyKeyLength ? '' : key;
  }

  #find(x: Exchange): string | undefined {
    const { query, cookie } = this.#config;
    if (this.#header !== '') return headerValue(x.requestHeaders, this.#header);
    if (query !== undefined) return queryValue(x.target, query);
    if (cookie !== undefined) return cookieValue(x.requestHeaders, cookie);
    return x.clientAddress.startsWith('::ffff:') ? x.clientAddress.slice(7) : x.clientAddress;
  }
}

/** The key issued for `cookie`: one for a request, however many rules ask. */
function issueKey(cookie: string, x: Exchange, decision: LaneDecision): string {
  const start = `${cookie}=`;
  const issued = decision.setCookies?.find((value) => value.startsWith(start));
  if (issued !== undefined) return issued.slice(start.length, issued.indexOf(';'));
  const key = randomUUID();
  const secure = x.scheme === 'https' ? '; Secure' : '';
  decision.setCookies ??= [];
  decision.setCookies.push(`${start}${key}; Max-Age=${YEAR_SECONDS}; Path=/; HttpOnly; SameSite=Lax${secure}`);
  return key;
}

/** One rule of a lane. */
export class LaneRule {
  readonly label: string;
  readonly config: LaneRuleConfig;
  /** Buckets below it are in; null = the rule has no percentage. */
  readonly threshold: number | null;
  readonly #lane: string;
  readonly #conditions: readonly Condition[];
  readonly #key: StickyKey | null;

  constructor(config: LaneRuleConfig, lane: string, number: number) {
    this.config = config;
    this.label = `${config.percentage === undefined ? 'rule' : 'percentage'} ${number}`;
    this.#lane = lane;
    this.#conditions = compileConditions(config);
    this.threshold = config.percentage === undefined ? null : Math.round((config.percentage * BUCKETS) / 100);
    this.#key = config.stickyBy === undefined ? null : new StickyKey(config.stickyBy);
    if (this.threshold !== null && this.#key === null)
      throw new Error(`rule ${number} has a percentage and no stickyBy`);
  }

  matches(x: Exchange, decision: LaneDecision): boolean {
    if (this.threshold === 0 || !allHold(this.#conditions, x)) return false;
    if (this.threshold === null) return true;
    const bucket = this.bucket(x, decision);
    return bucket !== -1 && bucket < this.threshold;
  }

  /** Bucket of the request's key, which may be issued and noted in `decision`; -1 when there is no key. */
  bucket(x: Exchange, decision: LaneDecision): number {
    const key = this.#key === null ? '' : this.#key.of(x, decision);
    return key === '' ? -1 : bucketOf(this.#lane, key);
  }
}

/** A lane that is enabled. */
export class Lane {
  readonly name: string;
  readonly tag: string;
  readonly config: LaneConfig;
  /** What happens when no endpoint of the lane is usable. */
  readonly fallback: LaneConfig['fallback'];
  readonly rules: readonly LaneRule[];

  constructor(config: LaneConfig, rules: readonly LaneRule[]) {
    this.name = config.name;
    this.tag = config.tag;
    this.config = config;
    this.fallback = config.fallback;
    this.rules = rules;
  }
}

/** The lanes of a tenant. Immutable. */
export class LaneTable {
  /** Lower-case name of the header that carries the tag. */
  readonly tagHeader: string;
  /** Enabled lanes in file order. */
  readonly lanes: readonly Lane[];
  /** Lanes a caller may choose, by tag. */
  readonly #accepted: ReadonlyMap<string, Lane>;

  constructor(tagHeader: string, lanes: readonly Lane[]) {
    this.tagHeader = tagHeader.toLowerCase();
    this.lanes = lanes;
    this.#accepted = new Map(lanes.filter((lane) => lane.config.acceptTag).map((lane) => [lane.tag, lane]));
  }

  /**
   * Chooses the lane of a request. An enabled lane that a plugin wishes goes before all. Then an incoming tag of an enabled lane with `acceptTag` comes first, then the rules in
   * order over the lanes in order; the first that matches wins, and none means baseline. `decision` is reset before.
   */
  decide(x: Exchange, decision: LaneDecision, wish = ''): void {
    decision.reset();
    if (this.lanes.length === 0) return;
    const wished = wish === '' ? undefined : this.lanes.find(({ tag }) => tag === wish);
    if (wished !== undefined) {
      decision.lane = wished;
      decision.rule = 'plugin';
      return;
    }
    const tagged =
      this.#accepted.size === 0 ? undefined : this.#accepted.get(x.requestHeaders.get(this.tagHeader) ?? '');
    if (tagged !== undefined) {
      decision.lane = tagged;
      decision.rule = 'tag';
      return;
    }
    for (const lane of this.lanes) {
      for (const rule of lane.rules) {
        if (!rule.matches(x, decision)) continue;
        decision.lane = lane;
        decision.rule = rule.label;
        return;
      }
    }
  }

  /**
   * Writes the decision where the next hop and the log find it: `x.lane`, `x.laneRule`, and the tag header, set for a
   * lane and removed for baseline, so that a tag from outside never passes unless it was accepted.
   */
  apply(x: Exchange, decision: LaneDecision): void {
    x.lane = decision.lane?.name ?? '';
    x.laneRule = decision.rule;
    if (decision.lane === null) x.requestHeaders.remove(this.tagHeader);
    else x.requestHeaders.set(this.tagHeader, decision.lane.tag);
  }
}

function* compileRules({ name, rules }: LaneConfig): Steps<LaneRule[]> {
  const compiled: LaneRule[] = [];
  for (const rule of rules) {
    compiled.push(new LaneRule(rule, name, compiled.length + 1));
    yield;
  }
  return compiled;
}

/** Compiles the lanes of a tenant. Throws a GatewayError `SLUICE_CONFIG_INVALID` that names tenant and lane. */
export function compileLanes(config: TenantConfig): LaneTable {
  return runThrough(compileLanesSteps(config));
}

/** `compileLanes`, in steps of one rule. */
export function* compileLanesSteps(config: TenantConfig): Steps<LaneTable> {
  const lanes: Lane[] = [];
  for (const lane of config.lanes) {
    try {
      if (lane.enabled) lanes.push(new Lane(lane, yield* compileRules(lane)));
    } catch (error) {
      const place = `tenant ${config.tenant}, lane ${lane.name}: ${(error as Error).message}`;
      throw new GatewayError('SLUICE_CONFIG_INVALID', place, { cause: error });
    }
  }
  return new LaneTable(config.tagHeader, lanes);
}
