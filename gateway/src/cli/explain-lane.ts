import type { StickyByConfig, TenantConfig } from '../config/schema-tenant.ts';
import { BUCKETS } from '../core/hash.ts';
import { BASELINE } from '../core/metrics.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type Lane, LaneDecision, type LaneRule, type LaneTable } from '../routing/lanes.ts';
import { cookieValue } from '../routing/values.ts';
import { describeConditions, unmetConditions } from './explain-conditions.ts';
import type { LaneChoice, LaneStep } from './explanation.ts';

/** Chooses the lane as the data plane does, writes it into `x`, and says why. */
export function explainLane(config: TenantConfig, table: LaneTable, x: Exchange): LaneChoice {
  const decision = new LaneDecision();
  table.decide(x, decision);
  const steps = decision.rule === 'tag' ? [acceptedTag(table, decision.lane!)] : stepsTo(config, table, decision, x);
  table.apply(x, decision);
  const { lane, rule } = decision;
  if (lane === null) {
    const reason = config.lanes.length === 0 ? 'the tenant has no lanes' : 'no rule matched';
    return { name: BASELINE, rule, reason: `${BASELINE}: ${reason}`, steps, fallback: null };
  }
  return { name: lane.name, rule, reason: steps.at(-1)!.reason, steps, fallback: lane.fallback };
}

function acceptedTag({ tagHeader }: LaneTable, { name, tag }: Lane): LaneStep {
  return { lane: name, rule: 'tag', holds: true, reason: `the caller sent ${tagHeader}: ${tag}, which it accepts` };
}

/** Everything up to the rule that decided, or to the end. */
function stepsTo(config: TenantConfig, table: LaneTable, decided: LaneDecision, x: Exchange): LaneStep[] {
  const steps: LaneStep[] = [];
  const sent = x.requestHeaders.get(table.tagHeader);
  // A key that was issued for the decision is the key here too.
  const scratch = new LaneDecision();
  scratch.setCookies = decided.setCookies;
  for (const { name, enabled, tag } of config.lanes) {
    const lane = table.lanes.find((candidate) => candidate.name === name);
    if (!enabled || lane === undefined) {
      steps.push({ lane: name, rule: '', holds: false, reason: 'the lane is switched off (enabled: false)' });
      continue;
    }
    if (sent === tag) {
      const reason = `the tag ${tag} was sent and is removed: acceptTag is false`;
      steps.push({ lane: name, rule: 'tag', holds: false, reason });
    }
    for (const rule of lane.rules) {
      const holds = rule.matches(x, scratch);
      steps.push({ lane: name, rule: rule.label, holds, reason: reasonOf(rule, x, scratch) });
      if (holds) return steps;
    }
  }
  return steps;
}

function reasonOf(rule: LaneRule, x: Exchange, scratch: LaneDecision): string {
  const unmet = unmetConditions(rule.config, x);
  if (unmet.length > 0) return unmet.join('; ');
  const conditions = describeConditions(rule.config);
  if (rule.threshold === null) return conditions === '' ? 'it has no condition' : conditions;
  const percentage = percentageReason(rule, rule.threshold, x, scratch);
  return conditions === '' ? percentage : `${conditions}; ${percentage}`;
}

function percentageReason(rule: LaneRule, threshold: number, x: Exchange, scratch: LaneDecision): string {
  const { stickyBy = {}, percentage = 0 } = rule.config;
  if (threshold === 0) return 'the percentage is 0';
  const key = describeKey(stickyBy);
  const bucket = rule.bucket(x, scratch);
  if (bucket === -1) return `no key: ${key} is absent, empty or too long`;
  const below = bucket < threshold ? 'below' : 'not below';
  const words = `bucket ${bucket} of ${BUCKETS} by ${key} is ${below} ${threshold} (${percentage} %)`;
  return isIssued(stickyBy, x) ? `${words}; the key is issued at random, so the next request may differ` : words;
}

function isIssued({ issue, cookie }: StickyByConfig, x: Exchange): boolean {
  return issue === true && cookie !== undefined && (cookieValue(x.requestHeaders, cookie) ?? '') === '';
}

function describeKey({ header, query, cookie }: StickyByConfig): string {
  if (header !== undefined) return `header ${header}`;
  if (query !== undefined) return `query ${query}`;
  return cookie === undefined ? 'client address' : `cookie ${cookie}`;
}
