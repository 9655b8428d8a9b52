import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { cpuMicros, parseStat, residentKiB } from './usage.ts';

it('reads a line of /proc/PID/stat, whatever the name of the program', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 1 20 0 11 0 1234 5678 90';
  expect(parseStat(line)).toEqual({ parent: 7, ticks: 124 });
});

/** Burns a little, says so, and ends with its parent. */
const CHILD = `
  while (process.cpuUsage().user < 300_000);
  console.log('burnt');
  process.on('disconnect', () => process.exit());
`;
/** Burns nothing itself, and ends when its input does. */
const PARENT = `
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'];
  require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(CHILD)}], { stdio });
  process.stdin.resume().on('end', () => process.exit());
`;

it.runIf(process.platform === 'linux')('counts the children of a process with it', async () => {
  const tree = spawn(process.execPath, ['-e', PARENT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(tree, 'close');
  try {
    await once(tree.stdout, 'data');
    expect(await cpuMicros(tree.pid!)).toBeGreaterThan(200_000);
    // Two Nodes.
    expect(await residentKiB(tree.pid!)).toBeGreaterThan(50_000);
  } finally {
    tree.stdin.end();
    await closed;
  }
});
