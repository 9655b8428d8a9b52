// Figures of a gateway under test, and what suites make of figures.
import { readdirSync, readFileSync } from 'node:fs';
import type { Measured } from './suite.ts';

/** Sum of a metric over its labels. */
export function total(page: string, name: string, labels = ''): number {
  const lines = page.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Memory of a process. */
export function rssMiB(pid: number): number {
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1024);
}

/** What all threads of a process have worked so far. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // After the name, which may hold anything; user and system time in hundredths.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Files and sockets that a process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The value below which the share of all lies; 1: the largest. 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Without the places that only fill the screen. */
export function rounded(values: Readonly<Record<string, number>>, places = 0): Measured {
  const round = (value: number): number => Number(value.toFixed(places));
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]));
}
