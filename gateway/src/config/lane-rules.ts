import { checkConditions } from './match-rules.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { exactlyOne, given, noRepeats } from './rules.ts';
import type { LaneConfig, LaneRuleConfig, TenantConfig } from './schema-tenant.ts';

/** Fields that carry the message itself; a tag in one of them would break it. */
const RESERVED_HEADERS: readonly string[] = [
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'te',
  'transfer-encoding',
  'upgrade',
];

/** Checks a tenant's lanes and its tag header. */
export function checkLanes(tenant: TenantConfig, report: Report): void {
  if (RESERVED_HEADERS.includes(tenant.tagHeader.toLowerCase())) {
    const message = `${show(tenant.tagHeader)} has a meaning of its own`;
    report.add(['tagHeader'], 'SLUICE_CONFIG_VALUE', message, 'choose a header of your own, such as x-mse-tag');
  }
  const { lanes } = tenant;
  noRepeats(
    lanes.map((lane) => lane.name),
    (index) => ['lanes', index, 'name'],
    'lane name',
    report,
  );
  noRepeats(
    lanes.map((lane) => lane.tag),
    (index) => ['lanes', index, 'tag'],
    'lane tag',
    report,
  );
  for (const [index, lane] of lanes.entries()) checkLane(lane, ['lanes', index], report);
}

function checkLane(lane: LaneConfig, path: Path, report: Report): void {
  if (lane.name === 'baseline') {
    const message = 'baseline is the lane without a tag';
    report.add([...path, 'name'], 'SLUICE_CONFIG_CONFLICT', message, 'choose another name');
  }
  if (lane.endpoints !== undefined && Object.keys(lane.endpoints.metadata).length === 0) {
    const message = 'without metadata every endpoint would belong to the lane';
    report.add([...path, 'endpoints', 'metadata'], 'SLUICE_CONFIG_VALUE', message, 'name a key and its value');
  }
  for (const [index, rule] of lane.rules.entries()) checkRule(rule, [...path, 'rules', index], report);
}

function checkRule(rule: LaneRuleConfig, path: Path, report: Report): void {
  checkConditions(rule, path, report);
  const conditions = ['headers', 'query', 'cookies', 'clientIp', 'percentage', 'stickyBy'] as const;
  if (given(rule, conditions).length === 0 && !report.unread(path, conditions)) {
    const remedy = 'give headers, query, cookies, clientIp, or percentage with stickyBy';
    report.add(path, 'SLUICE_CONFIG_MISSING_KEY', 'the rule has no condition', remedy);
  }
  checkPercentage(rule, path, report);
  const sticky = rule.stickyBy;
  if (sticky === undefined) return;
  const at = [...path, 'stickyBy'];
  exactlyOne(sticky, ['header', 'query', 'cookie', 'clientIp'], at, report);
  if (sticky.issue !== undefined && sticky.cookie === undefined && !report.unread(at, ['cookie'])) {
    const remedy = 'stick by cookie, or remove issue';
    report.add([...at, 'issue'], 'SLUICE_CONFIG_CONFLICT', 'only a cookie can be issued', remedy, 'key');
  }
}

function checkPercentage(rule: LaneRuleConfig, path: Path, report: Report): void {
  const { percentage, stickyBy } = rule;
  if (percentage !== undefined && Math.abs(percentage * 100 - Math.round(percentage * 100)) > 1e-6) {
    const message = `${percentage} has more than two decimals`;
    report.add([...path, 'percentage'], 'SLUICE_CONFIG_VALUE', message, 'round it to two');
  }
  if (report.unread(path, ['percentage', 'stickyBy'])) return;
  if (percentage !== undefined && stickyBy === undefined) {
    const remedy = 'add stickyBy: what keeps a user in the lane, such as { header: x-device-id }';
    report.add([...path, 'percentage'], 'SLUICE_CONFIG_MISSING_KEY', 'percentage without stickyBy', remedy, 'key');
  }
  if (percentage === undefined && stickyBy !== undefined) {
    const message = 'stickyBy without percentage';
    report.add(
      [...path, 'stickyBy'],
      'SLUICE_CONFIG_MISSING_KEY',
      message,
      'add percentage, or remove stickyBy',
      'key',
    );
  }
}
