import { readdir, readFile } from 'node:fs/promises';

/** `/proc` counts CPU time in these, on every Linux that Node runs on. */
const TICK_MICROS = 10_000;

interface Stat {
  readonly parent: number;
  /** User and system time of all its threads, and of the children that it has waited for. */
  readonly ticks: number;
}

/**
 * CPU time of a process with its threads, of its children and theirs, in microseconds; null where the system does not
 * tell.
 */
export async function cpuMicros(pid: number): Promise<number | null> {
  const stats = await allStats();
  if (stats === null) return null;
  return treeOf(pid, stats).reduce((sum, each) => sum + stats.get(each)!.ticks, 0) * TICK_MICROS;
}

/** Resident memory of a process and its children, in KiB; null where the system does not tell. */
export async function residentKiB(pid: number): Promise<number | null> {
  const stats = await allStats();
  if (stats === null) return null;
  let sum = 0;
  for (const each of treeOf(pid, stats)) {
    const status = await readFile(`/proc/${each}/status`, 'utf8').catch(() => '');
    sum += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  }
  return sum;
}

async function allStats(): Promise<Map<number, Stat> | null> {
  const names = await readdir('/proc').catch(() => null);
  if (names === null) return null;
  const stats = new Map<number, Stat>();
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    // Who has ended in between is not there any more.
    const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => null);
    if (text !== null) stats.set(Number(name), parseStat(text));
  }
  return stats;
}

/** A line of `/proc/PID/stat` (proc_pid_stat(5)). */
export function parseStat(text: string): Stat {
  // The second field is a name in parentheses that may contain anything; `fields` begins with the third.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), ticks: [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) };
}

function treeOf(pid: number, stats: ReadonlyMap<number, Stat>): number[] {
  const tree = stats.has(pid) ? [pid] : [];
  // Grows while it is gone through.
  for (const parent of tree) {
    for (const [each, stat] of stats) if (stat.parent === parent) tree.push(each);
  }
  return tree;
}
