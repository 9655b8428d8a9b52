import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type LogFields, silentLog } from '../core/log.ts';
import { workerCount } from './worker-count.ts';

describe('workerCount', () => {
  it.each([0, 1, 2, 64])('is what the configuration says: %d', async (configured) => {
    expect(await workerCount(configured, silentLog)).toEqual({ workers: configured, reusePort: true });
  });

  it('is one for each CPU by default', async () => {
    expect((await workerCount('auto', silentLog)).workers).toBe(Math.min(64, availableParallelism()));
  });

  it('is one, and says so, where a port cannot be shared', async () => {
    const warnings: LogFields[] = [];
    const log = { ...silentLog, warn: (fields: LogFields) => void warnings.push(fields) };
    const cannot = () => Promise.resolve(false);
    expect(await workerCount(4, log, cannot)).toEqual({ workers: 1, reusePort: false });
    expect(warnings).toEqual([{ wanted: 4, platform: process.platform }]);
    expect(await workerCount(1, log, cannot)).toEqual({ workers: 1, reusePort: false });
    expect(await workerCount(0, log, cannot)).toEqual({ workers: 0, reusePort: false });
    expect(warnings).toHaveLength(1);
  });
});
