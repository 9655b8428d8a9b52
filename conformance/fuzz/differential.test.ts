import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { disagreement } from './differential.ts';
import { NodeReader, readOurs } from './peers.ts';
import { Random } from './random.ts';
import { requestBytes } from './requests.ts';

const CORPUS = join(import.meta.dirname, 'corpus');

describe('the HTTP/1.1 parser beside that of Node', () => {
  it('accepts only what Node accepts and means the same by it', async () => {
    const random = new Random(20_251);
    const node = new NodeReader();
    let accepted = 0;
    for (let left = 10_000; left > 0; left--) {
      const bytes = Buffer.from(requestBytes(random), 'latin1');
      const found = await disagreement(bytes, node);
      if (found !== '') expect.fail(`${found}\n${JSON.stringify(bytes.toString('latin1'))}`);
      accepted += readOurs(bytes).requests.length;
    }
    expect(accepted).toBeGreaterThan(5_000);
  }, 60_000);

  it('tells a parser that is too lenient', async () => {
    const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nX: y\x01\r\n\r\n', 'latin1');
    const node = new NodeReader();
    expect((await node.read(bytes)).requests).toEqual([]);
    expect(readOurs(bytes).requests).toEqual([]);
  });

  it('has no old disagreement', async () => {
    const node = new NodeReader();
    for (const name of existsSync(CORPUS) ? readdirSync(CORPUS) : []) {
      expect([name, await disagreement(readFileSync(join(CORPUS, name)), node)]).toEqual([name, '']);
    }
  });
});
