import { checkRequestPath } from './path-rules.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { checkCidrs, checkRegex, checkTemplate, exactlyOne } from './rules.ts';
import type { ValueMatch } from './schema-common.ts';
import type { LaneRuleConfig, MatchConfig, PathMatch } from './schema-tenant.ts';

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Ways to match a path, of which one is given. */
export const PATH_KINDS = ['exact', 'prefix', 'template', 'regex'] as const;

/** Checks one alternative of a route's match. */
export function checkMatch(match: MatchConfig, path: Path, report: Report): void {
  if (match.path !== undefined) checkPath(match.path, [...path, 'path'], report);
  checkConditions(match, path, report);
}

/** Checks what matches and lane rules share: headers, query, cookies, addresses. */
export function checkConditions(conditions: MatchConfig | LaneRuleConfig, path: Path, report: Report): void {
  for (const kind of ['headers', 'query', 'cookies'] as const) {
    for (const [index, value] of (conditions[kind] ?? []).entries()) {
      checkValueMatch(value, kind, [...path, kind, index], report);
    }
  }
  checkCidrs(conditions.clientIp, [...path, 'clientIp'], report);
}

function checkPath(match: PathMatch, path: Path, report: Report): void {
  exactlyOne(match, PATH_KINDS, path, report);
  for (const kind of ['exact', 'prefix', 'template'] as const) {
    checkRequestPath(match[kind], [...path, kind], report);
  }
  checkTemplate(match.template, [...path, 'template'], report);
  checkRegex(match.regex, [...path, 'regex'], report);
}

function checkValueMatch(value: ValueMatch, kind: 'headers' | 'query' | 'cookies', path: Path, report: Report): void {
  exactlyOne(value, ['exact', 'prefix', 'regex', 'in', 'present'], path, report);
  checkRegex(value.regex, [...path, 'regex'], report);
  if (kind === 'query' || TOKEN.test(value.name)) return;
  const what = kind === 'headers' ? 'header' : 'cookie';
  const message = `${show(value.name)} is not the name of a ${what}`;
  report.add([...path, 'name'], 'SLUICE_CONFIG_VALUE', message, "use letters, digits and !#$%&'*+.^_`|~-");
}
