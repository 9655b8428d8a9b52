import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { cpuMicros, parseStat, residentKiB } from './usage.ts';

it('reads a line of /proc/PID/stat, whatever the name of the program', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 1 20 0 11 0 1234 5678 90';
  expect(parseStat(line)).toEqual({ parent: 7, ticks: 124 });
});

const BURN = 'const end = performance.now() + 300; while (performance.now() < end);';

it.runIf(process.platform === 'linux')('counts the children of a process with it', async () => {
  // The parent burns nothing itself; its child lives on.
  const child = `${BURN} console.log('burnt'); setInterval(() => {}, 1000);`;
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }).on('exit', () => {}); process.stdin.resume(); process.stdin.on('end', () => process.exit());`;
  const tree = spawn(process.execPath, ['-e', parent], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(tree.stdout, 'data');
    const own = process.memoryUsage().rss / 1024;
    expect(await cpuMicros(tree.pid!)).toBeGreaterThan(200_000);
    expect(await residentKiB(tree.pid!)).toBeGreaterThan(20_000);
    expect(await residentKiB(process.pid)).toBeGreaterThan(own);
  } finally {
    tree.stdin.end();
    await once(tree, 'exit');
  }
});
