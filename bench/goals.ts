import { type Figure, median, round, type Run } from './statistics.ts';

/** What the gateway is to reach. */
interface Goal {
  readonly scenario: string;
  readonly what: string;
  /** As it stands behind the number. */
  readonly unit: string;
  readonly most: number;
  /** null: it was not measured. */
  readonly find: (measured: Measured) => number | null;
}

/** A goal and what became of it. */
export interface GoalResult {
  readonly scenario: string;
  readonly what: string;
  readonly unit: string;
  readonly most: number;
  readonly found: number;
  readonly met: boolean;
}

interface Measured {
  readonly runs: readonly Run[];
  readonly figures: readonly Figure[];
}

/** CPU time for a request, in rounds that both took part in. */
function cpu(scenario: string, subject: string, against: string, most: number): Goal {
  return {
    scenario,
    what: `CPU per request, ${subject} against ${against}`,
    unit: '×',
    most,
    find: ({ runs }) => middle(pairs(runs, scenario, subject, against).map(cpuRatio)),
  };
}

function figure(what: string, name: string, unit: Figure['unit'], most: number): Goal {
  const find = ({ figures }: Measured): number | null => {
    const found = figures.filter((each) => each.subject === 'AssemblyScript' && each.name.startsWith(name));
    return found.length === 0 ? null : Math.max(...found.map(({ value }) => value));
  };
  return { scenario: 'plugins', what, unit: ` ${unit}`, most, find };
}

function idle(scenario: string, most: number): Goal {
  const find = ({ runs }: Measured): number | null =>
    middle(ofGateway(runs, scenario).map((run) => run.idleConnectionKiB));
  return { scenario, what: 'memory of an idle connection', unit: ' KiB', most, find };
}

const GOALS: readonly Goal[] = [
  cpu('get-1k', 'gateway', 'nginx', 1.2),
  cpu('get-1k', 'gateway', 'floor', 1.35),
  cpu('get-1k', 'gateway', 'envoy', 1),
  cpu('get-1k', 'gateway', 'fastify-http-proxy', 0.35),
  cpu('get-1k', 'gateway', 'spring-cloud-gateway', 0.5),
  cpu('get-1k', 'gateway+plugin', 'gateway', 1.08),
  {
    scenario: 'get-1k',
    what: 'resident memory with one worker',
    unit: ' MiB',
    most: 200,
    find: ({ runs }) => middle(ofGateway(runs, 'get-1k').map(({ rssMiB }) => rssMiB)),
  },
  cpu('get-1k-many-routes', 'gateway', 'gateway-one-route', 1.05),
  cpu('post-1k', 'gateway', 'nginx', 1.3),
  cpu('get-64k', 'gateway', 'nginx', 1.25),
  cpu('get-1m', 'gateway', 'nginx', 1.1),
  cpu('new-connections', 'gateway', 'nginx', 2),
  cpu('tls-1k', 'gateway', 'nginx', 1.25),
  cpu('tls-new-connections', 'gateway', 'nginx', 3),
  {
    scenario: 'latency-half-load',
    what: 'p99, gateway beyond nginx',
    unit: ' ms',
    most: 0.5,
    find: ({ runs }) => {
      const both = pairs(runs, 'latency-half-load', 'gateway', 'nginx');
      return middle(both.map(([own, other]) => own.latencyMs.p99 - other.latencyMs.p99));
    },
  },
  idle('idle-10k', 8),
  idle('tls-idle-10k', 60),
  figure('a plugin that reads a header and sets one, beyond an empty chain', 'read a header, set a header', 'µs', 2),
  cpu('plugins', 'gateway+10-plugins', 'gateway', 1.6),
  figure('metering, share of the time of a plugin', 'metering:', '%', 25),
  figure('an instance beyond its memory', 'an instance beyond its memory', 'KiB', 200),
  figure('start of a plugin', 'start an instance', 'ms', 5),
  {
    scenario: 'all',
    what: 'failed requests of the gateway, and those that /metrics counts differently',
    unit: '',
    most: 0,
    find: ({ runs }) => {
      const own = runs.filter(({ subject }) => subject.startsWith('gateway'));
      return own.length === 0 ? null : own.reduce((sum, { errors }) => sum + errors, 0);
    },
  },
];

/** The goals of which something was measured. */
export function goalsOf(measured: Measured): GoalResult[] {
  return GOALS.flatMap(({ find, ...goal }) => {
    const found = find(measured);
    return found === null ? [] : [{ ...goal, found: round(found), met: round(found) <= goal.most }];
  });
}

function ofGateway(runs: readonly Run[], scenario: string): Run[] {
  return runs.filter((run) => run.scenario === scenario && run.subject === 'gateway');
}

function pairs(runs: readonly Run[], scenario: string, subject: string, against: string): [Run, Run][] {
  const own = runs.filter((run) => run.scenario === scenario && run.subject === subject);
  return own.flatMap((run): [Run, Run][] => {
    const other = runs.find(
      (each) => each.scenario === scenario && each.subject === against && each.round === run.round,
    );
    return other === undefined ? [] : [[run, other]];
  });
}

function cpuRatio([own, other]: readonly [Run, Run]): number | null {
  const [a, b] = [own.cpuMicrosPerRequest, other.cpuMicrosPerRequest];
  return a === null || b === null ? null : a / b;
}

function middle(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : median(known);
}
