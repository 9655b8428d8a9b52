import type { Action, Candidate, Explanation, LaneChoice, PluginPlace, ServiceShare } from './explanation.ts';

const LABEL_WIDTH = 10;

/** An explanation as lines for people. */
export function explanationLines(explanation: Explanation): string[] {
  const { request, tenant, route, candidates, lane, plugins, action, refusal, nearestDomains } = explanation;
  return [
    `${request.method} ${request.scheme}://${request.host}${request.target} from ${request.clientAddress}`,
    ...section('tenant', tenant === null ? [] : [`${tenant.name}, by its domain ${tenant.domain}`]),
    ...section('domains', nearestDomains.length === 0 ? [] : [`nearest: ${nearestDomains.join(', ')}`]),
    ...section('route', route === null ? [] : [named(route), ...wonLines(route.won)]),
    ...section('lane', lane === null ? [] : laneLines(lane)),
    ...section('plugins', tenant === null || route === null ? [] : pluginLines(plugins)),
    ...actionLines(action),
    ...section('refused', refusal === null ? [] : [`${refusal.status} ${refusal.code}`, refusal.message]),
    ...section('others', candidates.flatMap(candidateLines)),
  ].map(visible);
}

/** Control characters of a tenant's texts would steer the operator's terminal. */
function visible(line: string): string {
  return line.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The label stands before the first line only. */
function section(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`);
}

function named({ route, match, host }: Candidate | NonNullable<Explanation['route']>): string {
  return `${route}: ${match}${host === null ? '' : ` on ${host}`}`;
}

function wonLines(won: NonNullable<Explanation['route']>['won']): string[] {
  return [won === null ? 'no other route holds' : `before ${won.over}: ${won.words}`];
}

function candidateLines(candidate: Candidate): string[] {
  const { holds, reasons } = candidate;
  const what = holds ? 'holds too, but ' : 'does not hold: ';
  return [named(candidate), `  ${what}${reasons.join('; ')}`];
}

function laneLines({ name, rule, reason, steps }: LaneChoice): string[] {
  const head = rule === '' ? reason : `${name}, by ${rule}: ${reason}`;
  const passed = steps.filter(({ holds }) => !holds);
  return [
    head,
    ...passed.map((step) => `  not ${step.lane}${step.rule === '' ? '' : `, ${step.rule}`}: ${step.reason}`),
  ];
}

function pluginLines(plugins: readonly PluginPlace[]): string[] {
  if (plugins.length === 0) return ['none'];
  return plugins.map(({ name, origin, priority, onFailure }, index) => {
    const failure = onFailure === 'open' ? ', goes on without it when it fails' : '';
    return `${index + 1}. ${name} (${origin}, priority ${priority}${failure})`;
  });
}

function actionLines(action: Action | null): string[] {
  if (action === null) return [];
  if (action.kind === 'redirect') return section('redirect', [`${action.status}`, `location: ${action.location}`]);
  if (action.kind === 'respond') {
    const headers = Object.entries(action.headers).map(([name, value]) => `${name}: ${value}`);
    return section('answer', [`${action.status} with a body of ${action.bodyBytes} bytes`, ...headers]);
  }
  const { method, target, host, tagHeader, tag, services } = action;
  const tagLine = tag === null ? [] : [`${tagHeader}: ${tag}`];
  return [
    ...section('upstream', [`${method} ${target}`, `host: ${host}`, ...tagLine]),
    ...section('service', services.flatMap(serviceLines)),
  ];
}

function serviceLines({ service, weight, share, registry, namespace, group, name, live }: ServiceShare): string[] {
  const place = [registry, namespace, group, name].filter((part) => part !== '').join('/');
  const portion = share === 1 ? '' : `, ${(share * 100).toFixed(1)} % (weight ${weight})`;
  const head = `${service} (${place})${portion}`;
  if (live === undefined) return [head];
  const endpoints = live.endpoints.map(
    ({ address, lane, weight, healthy, pickable }) =>
      `  ${address} ${lane}, weight ${weight}, ${healthy ? 'healthy' : 'unhealthy'}${pickable ? ': may be picked' : ''}`,
  );
  return [head, `  ${live.state}: ${live.outcome}`, ...endpoints];
}
