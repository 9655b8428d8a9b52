// In what the two gateways differ by themselves, whatever plugins do: named one by one, with the reason.
import type { Fields } from './message.ts';

export type Side = 'sluice' | 'envoy';

export interface Difference {
  readonly of: 'request' | 'response';
  readonly header: string;
  readonly by: readonly Side[];
  /** `own`: they add or change it by themselves. `joined`: they join its values with commas, which means the same. */
  readonly how: 'own' | 'joined';
  readonly reason: string;
}

const BOTH = ['sluice', 'envoy'] as const;

/**
 * What a case itself sends or expects is compared all the same, but for what is joined. Names are compared in lower case,
 * the order of different names is not: each gateway writes headers as it likes.
 */
export const DIFFERENCES: readonly Difference[] = [
  { of: 'request', header: 'x-forwarded-for', by: ['sluice'], how: 'own', reason: 'Envoy adds it when told to' },
  { of: 'request', header: 'x-forwarded-host', by: ['sluice'], how: 'own', reason: 'Envoy has none' },
  { of: 'request', header: 'x-forwarded-port', by: ['sluice'], how: 'own', reason: 'Envoy has none' },
  { of: 'request', header: 'traceparent', by: ['sluice'], how: 'own', reason: 'a trace of its own' },
  { of: 'request', header: 'sw8', by: ['sluice'], how: 'own', reason: 'a trace of its own' },
  { of: 'request', header: 'content-length', by: BOTH, how: 'own', reason: 'framing belongs to the connection' },
  { of: 'request', header: 'transfer-encoding', by: BOTH, how: 'own', reason: 'framing belongs to the connection' },
  { of: 'response', header: 'content-length', by: BOTH, how: 'own', reason: 'framing belongs to the connection' },
  { of: 'response', header: 'transfer-encoding', by: BOTH, how: 'own', reason: 'framing belongs to the connection' },
  { of: 'response', header: 'connection', by: BOTH, how: 'own', reason: 'whether it lasts is for each to say' },
  { of: 'response', header: 'date', by: BOTH, how: 'own', reason: 'each has its clock' },
  { of: 'response', header: 'vary', by: ['envoy'], how: 'joined', reason: 'it keeps one value of headers it knows' },
];

/** The headers without those of the gateway's own, by name; notes which rows were needed. */
export function withoutOwn(
  headers: Fields,
  of: Difference['of'],
  side: Side,
  kept: ReadonlySet<string>,
  used: Set<Difference>,
): Fields {
  const rows = DIFFERENCES.filter((row) => row.of === of && row.by.includes(side) && row.how === 'own');
  const left = Object.entries(headers).filter(([name]) => {
    const row = rows.find(({ header }) => header === name && !kept.has(name));
    if (row !== undefined) used.add(row);
    return row === undefined;
  });
  return Object.fromEntries(left);
}

/** The headers as both would write them: values that one of them joins are joined. */
export function joinedAlike(headers: Fields, of: Difference['of'], used: Set<Difference>): Fields {
  const changed = { ...headers };
  for (const row of DIFFERENCES) {
    const values = headers[row.header];
    if (row.of !== of || row.how !== 'joined' || values === undefined) continue;
    used.add(row);
    changed[row.header] = [values.join(',').replaceAll(/ *, */g, ',')];
  }
  return changed;
}
