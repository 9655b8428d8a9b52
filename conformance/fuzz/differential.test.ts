import { describe, expect, it } from 'vitest';
import { corpus, generate, type Input, Judge } from './inputs.ts';
import { Random } from './random.ts';
import { readOurs } from './request-readers.ts';
import { readResponse, readResponseAsNode } from './response-readers.ts';

/** Whether the gateway's parser takes the first message of an input. */
function taken({ kind, bytes }: Input): boolean {
  if (kind === 'requests') return readOurs(Buffer.from(bytes, 'latin1')).requests.length > 0;
  return readResponse({ asked: kind, bytes }).whole;
}

describe('the HTTP/1.1 parsers beside those of Node', () => {
  it('accept only what Node accepts and mean the same by it', async () => {
    const random = new Random(20_251);
    const judge = new Judge();
    const accepted = { requests: 0, GET: 0, HEAD: 0 };
    for (let left = 12_000; left > 0; left--) {
      const input = generate(random);
      const found = await judge.judge(input);
      if (found !== '') expect.fail(`${found}\n${JSON.stringify(input)}`);
      if (taken(input)) accepted[input.kind]++;
    }
    expect(accepted.requests).toBeGreaterThan(2_500);
    expect(accepted.GET).toBeGreaterThan(1_800);
    expect(accepted.HEAD).toBeGreaterThan(300);
  }, 60_000);

  it('have no old disagreement', async () => {
    const judge = new Judge();
    expect(corpus().length).toBeGreaterThan(4);
    for (const input of corpus()) expect([input, await judge.judge(input)]).toEqual([input, '']);
  });

  it.each([
    ['requests', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\x01\r\n\r\n'],
    ['requests', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n'],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
    ['GET', 'HTTP/1.1 200 OK\r\nX: \0\r\n\r\n'],
  ] as const)('refuse %s %j', (kind, bytes) => expect(taken({ kind, bytes })).toBe(false));

  it('are compared with one that reads responses at all', async () => {
    const bytes = 'HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!';
    expect(await readResponseAsNode({ asked: 'GET', bytes })).toMatchObject({
      heads: [{ status: 103, headers: ['A', 'b'] }, { status: 200 }],
      body: 'hi',
      whole: true,
    });
    const broken = await readResponseAsNode({ asked: 'GET', bytes: 'HTTP/1.1 200 OK\r\nX: \0\r\n\r\n' });
    expect(broken).toMatchObject({ whole: false, fault: expect.stringMatching(/^HPE_/) });
  });
});
