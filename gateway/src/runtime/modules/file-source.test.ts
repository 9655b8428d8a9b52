import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileSource } from './file-source.ts';

it('tries to read again what it could not read, though the file seems the same', async () => {
  // A directory can be looked at but not read, like a file of somebody else.
  const directory = mkdtempSync(join(tmpdir(), 'sluice-file-source-'));
  try {
    const source = new FileSource(directory);
    await expect(source.look(true)).rejects.toThrow(/EISDIR/);
    await expect(source.look(false)).rejects.toThrow(/EISDIR/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
