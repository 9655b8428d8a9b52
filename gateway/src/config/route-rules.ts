import { parseTemplate, usedNames } from '../core/path-template.ts';
import { replacementProblem } from '../core/regex.ts';
import { domainCovers, domainProblem, isAuthority, isHostName, isPort } from './hosts.ts';
import { checkMatch, PATH_KINDS } from './match-rules.ts';
import { checkRequestPath } from './path-rules.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import {
  atMostOne,
  type CataloguedPlugin,
  checkPluginUses,
  checkRegex,
  exactlyOne,
  given,
  noRepeats,
} from './rules.ts';
import type { MatchConfig, RedirectConfig, RespondConfig, RewriteConfig, RouteConfig } from './schema-tenant.ts';
import { isMapping, type PlainMap } from './schema-view.ts';

/** What a route's checks need to know of the rest. */
export interface RouteContext {
  /** The tenant's domains, lower case; null when one of them is wrong, so that no host can be judged by them. */
  readonly domains: readonly string[] | null;
  /** Names of the operator's plugins; null when they cannot be told. */
  readonly catalogue: readonly CataloguedPlugin[] | null;
  /** Reports when the service does not exist. */
  readonly checkService: (name: string, path: Path) => void;
  readonly report: Report;
}

/** Checks one route. `written` is the route as the file has it, without defaults. */
export function checkRoute(route: RouteConfig, written: PlainMap, path: Path, context: RouteContext): void {
  const { report } = context;
  const listed = Array.isArray(written['match']);
  const pathOf = (index: number) => (listed ? [...path, 'match', index] : [...path, 'match']);
  for (const [index, match] of route.match.entries()) checkMatch(match, pathOf(index), report);
  // An alternative whose path is wrong says nothing of what a rewrite will find.
  const matches = route.match.filter(
    (match, index) =>
      (match.path === undefined || given(match.path, PATH_KINDS).length === 1) &&
      !report.unread([...pathOf(index), 'path'], PATH_KINDS),
  );
  checkHosts(route.hosts ?? [], path, context);
  exactlyOne(route, ['upstream', 'redirect', 'respond'], path, report);
  checkUpstream(route, path, context);
  checkWithoutUpstream(route, written, path, report);
  if (route.redirect !== undefined) checkRedirect(route.redirect, matches, [...path, 'redirect'], report);
  if (route.respond !== undefined) checkRespond(route.respond, [...path, 'respond'], report);
  if (route.rewrite !== undefined) checkRewrite(route.rewrite, matches, [...path, 'rewrite'], report);
  checkTimes(route, path, report);
  checkPluginUses(route.plugins, context.catalogue, [...path, 'plugins'], report);
}

function checkHosts(hosts: readonly string[], path: Path, { domains, report }: RouteContext): void {
  const lower = hosts.map((host) => host.toLowerCase());
  for (const [index, host] of lower.entries()) {
    const at = [...path, 'hosts', index];
    const problem = domainProblem(host);
    if (problem !== null)
      report.add(at, 'SLUICE_CONFIG_VALUE', `${show(hosts[index])}: ${problem.message}`, problem.remedy);
    else if (domains !== null && !domains.some((domain) => domainCovers(domain, host))) {
      const remedy = `add it to domains, or choose a host within ${domains.slice(0, 5).join(', ')}`;
      report.add(at, 'SLUICE_CONFIG_REFERENCE', `${show(host)} is not within the tenant's domains`, remedy);
    }
  }
  noRepeats(lower, (index) => [...path, 'hosts', index], 'host', report);
}

function checkUpstream(route: RouteConfig, path: Path, { checkService, report }: RouteContext): void {
  const { upstream } = route;
  if (upstream === undefined) return;
  const at = [...path, 'upstream'];
  exactlyOne(upstream, ['service', 'services'], at, report);
  if (upstream.service !== undefined) checkService(upstream.service, [...at, 'service']);
  const services = upstream.services ?? [];
  for (const [index, { service }] of services.entries()) checkService(service, [...at, 'services', index, 'service']);
  const names = services.map(({ service }) => service);
  noRepeats(names, (index) => [...at, 'services', index, 'service'], 'service', report);
  if (services.length > 0 && services.every(({ weight }) => weight === 0)) {
    report.add([...at, 'services'], 'SLUICE_CONFIG_VALUE', 'all weights are 0', 'give at least one service a weight');
  }
}

/** Keys that only make sense when a request is sent on. */
function checkWithoutUpstream(route: RouteConfig, written: PlainMap, path: Path, report: Report): void {
  const answer = given(route, ['redirect', 'respond'])[0];
  if (route.upstream !== undefined || answer === undefined || report.unread(path, ['upstream'])) return;
  for (const key of ['rewrite', 'timeouts', 'retries', 'upgrades'] as const) {
    if (written[key] === undefined) continue;
    const message = `${key} has no effect together with ${answer}`;
    report.add([...path, key], 'SLUICE_CONFIG_CONFLICT', message, `remove ${key}`, 'key');
  }
}

function checkRedirect(redirect: RedirectConfig, matches: readonly MatchConfig[], path: Path, report: Report): void {
  const changes = ['scheme', 'host', 'port', 'path', 'replacePrefix'] as const;
  if (given(redirect, changes).length === 0 && !report.unread(path, changes)) {
    const remedy = 'give scheme, host, port, path or replacePrefix';
    report.add(path, 'SLUICE_CONFIG_MISSING_KEY', 'the redirect leads back to the same place', remedy);
  }
  atMostOne(redirect, ['path', 'replacePrefix'], path, report);
  if (redirect.host !== undefined && !isHostName(redirect.host.toLowerCase())) {
    const remedy = 'write a host name; a port goes under port';
    report.add([...path, 'host'], 'SLUICE_CONFIG_VALUE', `${show(redirect.host)} is not a host name`, remedy);
  }
  if (redirect.port !== undefined && !isPort(redirect.port)) {
    report.add([...path, 'port'], 'SLUICE_CONFIG_VALUE', 'nothing can connect to port 0', 'give 1 to 65535');
  }
  for (const key of ['path', 'replacePrefix'] as const) checkRequestPath(redirect[key], [...path, key], report);
  if (redirect.replacePrefix !== undefined) checkPrefixes(matches, [...path, 'replacePrefix'], report);
}

function checkRespond(respond: RespondConfig, path: Path, report: Report): void {
  if ((respond.status === 204 || respond.status === 304) && respond.body !== '') {
    const message = `a response with status ${respond.status} has no body`;
    report.add([...path, 'body'], 'SLUICE_CONFIG_CONFLICT', message, 'remove body, or give another status');
  }
  for (const name of Object.keys(respond.headers)) {
    if (!/^(connection|content-length|keep-alive|te|trailer|transfer-encoding|upgrade)$/i.test(name)) continue;
    const message = `the gateway itself sets ${name.toLowerCase()}`;
    report.add([...path, 'headers', name], 'SLUICE_CONFIG_CONFLICT', message, 'remove it', 'key');
  }
}

function checkRewrite(rewrite: RewriteConfig, matches: readonly MatchConfig[], path: Path, report: Report): void {
  const kinds = ['stripPrefix', 'replacePrefix', 'path', 'template', 'regex'] as const;
  atMostOne(rewrite, kinds, path, report);
  const changes = [...kinds, 'host', 'replacement'] as const;
  if (given(rewrite, changes).length === 0 && !report.unread(path, changes)) {
    const remedy = 'give stripPrefix, replacePrefix, path, template, regex or host';
    report.add(path, 'SLUICE_CONFIG_MISSING_KEY', 'the rewrite changes nothing', remedy);
  }
  if (rewrite.replacePrefix !== undefined) checkPrefixes(matches, [...path, 'replacePrefix'], report);
  if (rewrite.template !== undefined) checkTemplateUse(rewrite.template, matches, [...path, 'template'], report);
  if (rewrite.host !== undefined && !isAuthority(rewrite.host)) {
    const remedy = 'write a host name, with a port if need be';
    report.add([...path, 'host'], 'SLUICE_CONFIG_VALUE', `${show(rewrite.host)} is not a host`, remedy);
  }
  for (const key of ['stripPrefix', 'replacePrefix', 'path', 'template'] as const) {
    checkRequestPath(rewrite[key], [...path, key], report);
  }
  checkReplacement(rewrite, path, report);
}

function checkReplacement(rewrite: RewriteConfig, path: Path, report: Report): void {
  const { regex, replacement } = rewrite;
  if (regex === undefined && replacement === undefined) return;
  if (regex === undefined || replacement === undefined) {
    if (report.unread(path, ['regex', 'replacement'])) return;
    const message = regex === undefined ? 'replacement without regex' : 'regex without replacement';
    report.add(path, 'SLUICE_CONFIG_MISSING_KEY', message, 'give both');
    return;
  }
  const compiled = checkRegex(regex, [...path, 'regex'], report);
  const problem = compiled === null ? null : replacementProblem(compiled, replacement);
  if (problem === null) return;
  const remedy = 'use $1 … for groups of the pattern, $& for the match and $$ for a dollar sign';
  report.add([...path, 'replacement'], 'SLUICE_CONFIG_VALUE', problem, remedy);
}

function checkPrefixes(matches: readonly MatchConfig[], path: Path, report: Report): void {
  if (matches.every((match) => match.path === undefined || match.path.prefix !== undefined)) return;
  const remedy = 'match by path.prefix in every alternative, or give path instead';
  report.add(path, 'SLUICE_CONFIG_CONFLICT', 'there is no prefix to replace in every alternative', remedy, 'key');
}

function checkTemplateUse(pattern: string, matches: readonly MatchConfig[], path: Path, report: Report): void {
  const used = usedNames(pattern);
  for (const match of matches) {
    const template = match.path?.template;
    if (template === undefined) {
      const message = 'an alternative of the route does not match by path.template';
      return report.add(path, 'SLUICE_CONFIG_CONFLICT', message, 'match by path.template in every alternative', 'key');
    }
    const names = namesOf(template);
    // A broken template is reported where it stands.
    if (names === null) return;
    const unknown = used.find((name) => !names.includes(name));
    if (unknown !== undefined) {
      const remedy = `use ${names.map((name) => `{${name}}`).join(', ') || 'a template with variables'}`;
      const message = `{${unknown}} is no variable of path.template`;
      return report.add(path, 'SLUICE_CONFIG_REFERENCE', message, remedy);
    }
  }
}

function namesOf(template: string): readonly string[] | null {
  try {
    return parseTemplate(template).names;
  } catch {
    return null;
  }
}

/** Longer ones are meant to be none, or have a unit too large. */
const LONGEST_TIMEOUT_MS = 24 * 3_600_000;

function checkTimes(route: RouteConfig, path: Path, report: Report): void {
  const { request, perTry } = route.timeouts;
  const times = [...path, 'timeouts'];
  const at = [...times, 'perTry'];
  for (const key of ['request', 'perTry'] as const) {
    if ((route.timeouts[key] ?? 0) <= LONGEST_TIMEOUT_MS) continue;
    const remedy = key === 'request' ? 'give at most 24h; 0s is no limit' : 'give at most 24h, or remove the key';
    report.add([...times, key], 'SLUICE_CONFIG_VALUE', 'the duration is out of range', remedy);
  }
  if (perTry === 0)
    report.add(at, 'SLUICE_CONFIG_VALUE', 'no attempt ends in 0s', 'give a duration, or remove the key');
  else if (perTry !== undefined && request !== 0 && perTry > request && !report.unread(times, ['request'])) {
    const message = `perTry is longer than request (${request} ms)`;
    report.add(at, 'SLUICE_CONFIG_CONFLICT', message, 'give perTry at most as much as request');
  }
  const useless = route.retries.on.indexOf('try-timeout');
  if (report.unread(at) || report.unread([...path, 'retries'], ['attempts'])) return;
  if (useless !== -1 && perTry === undefined && route.retries.attempts > 0) {
    const message = 'no attempt ever times out without timeouts.perTry';
    report.add([...path, 'retries', 'on', useless], 'SLUICE_CONFIG_CONFLICT', message, 'give timeouts.perTry');
  }
}

/** The route as the file has it. */
export function writtenRoute(routes: unknown, index: number): PlainMap {
  const route: unknown = Array.isArray(routes) ? routes[index] : undefined;
  return isMapping(route) ? route : {};
}
