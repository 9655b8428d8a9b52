import { describe, expect, it } from 'vitest';
import { BodyDecoder } from './body-decoder.ts';
import { bytesOf, deliveries, requestEvents, responseEvents, SMALL } from './events.suite.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_UNTIL_CLOSE } from './framing.ts';
import { parseRequestHead, RequestHead } from './request-head.ts';
import { RequestParser } from './request-parser.ts';
import { CHUNKED_HEAD, REFUSED_HEADS } from './requests.suite.ts';

const LINE = 'GET / HTTP/1.1\r\n';
const HOST = 'Host: a\r\n';

/** A request is taken, however it is delivered, and another is refused for the reason. */
function expectBound(taken: string, refused: string, reason: string): void {
  for (const [how, pieces] of deliveries(taken))
    expect([how, requestEvents(pieces).at(-1)]).toEqual([how, expect.stringMatching(/^end/)]);
  for (const [how, pieces] of deliveries(refused)) {
    expect([how, requestEvents(pieces).at(-1)]).toEqual([how, expect.stringContaining(reason)]);
  }
}

describe('limits are met exactly', () => {
  it('of a head', () => {
    const head = (bytes: number): string => {
      const rest = bytes - `${LINE}${HOST}X: \r\n\r\n`.length;
      return `${LINE}${HOST}X: ${'x'.repeat(rest)}\r\n\r\n`;
    };
    expect(head(SMALL.headBytes)).toHaveLength(SMALL.headBytes);
    expectBound(head(SMALL.headBytes), head(SMALL.headBytes + 1), 'head too large');
    const response = (bytes: number): string =>
      `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ${'x'.repeat(bytes - 43)}\r\n\r\n`;
    expect(responseEvents([bytesOf(response(SMALL.headBytes))]).at(-1)).toBe('end');
    expect(responseEvents([bytesOf(response(SMALL.headBytes + 1))])).toHaveLength(1);
  });

  it('of a target', () => {
    const request = (bytes: number): string => `GET /${'x'.repeat(bytes - 1)} HTTP/1.1\r\n${HOST}\r\n`;
    expectBound(request(SMALL.targetBytes), request(SMALL.targetBytes + 1), 'target too long');
  });

  it('of the number of fields', () => {
    const request = (fields: number): string => `${LINE}${HOST}${'x: y\r\n'.repeat(fields - 1)}\r\n`;
    expectBound(request(SMALL.fields), request(SMALL.fields + 1), 'too many header fields');
  });

  it('of trailers', () => {
    const trailers = (bytes: number): string => `${CHUNKED_HEAD.text}0\r\nX: ${'x'.repeat(bytes - 7)}\r\n\r\n`;
    expectBound(trailers(SMALL.headBytes), trailers(SMALL.headBytes + 1), 'trailers too large');
  });

  it('of chunk sizes and extensions', () => {
    const chunk = (line: string): string => `${CHUNKED_HEAD.text}${line}\r\nx\r\n0\r\n\r\n`;
    expectBound(chunk('1'.padStart(13, '0')), chunk('1'.padStart(14, '0')), 'malformed chunk size');
    const long = `1;${'x'.repeat(255)}`;
    expectBound(chunk(long), chunk(`${long}x`), 'malformed or too long chunk extensions');
    const many = (chunks: number): readonly string[] =>
      requestEvents([bytesOf(`${CHUNKED_HEAD.text}${`${long}\r\nx\r\n`.repeat(chunks)}0\r\n\r\n`)]);
    expect(many(64)).toEqual([CHUNKED_HEAD.event, `data ${'x'.repeat(64)}`, 'end']);
    expect(many(65).at(-1)).toMatch(/too long chunk extensions$/);
  });

  it('of the largest heads that can be configured', () => {
    const limits = { headBytes: 1024 * 1024, targetBytes: 1024 * 1024, fields: 10_000 };
    const heads = [
      `${LINE}${HOST}X: ${'x'.repeat(1024 * 1024 - 40)}\r\n\r\n`,
      `${LINE}${HOST}${`x: ${'y'.repeat(98)}\r\n`.repeat(9999)}\r\n`,
      `GET /${'x'.repeat(1024 * 1024 - 40)} HTTP/1.1\r\n${HOST}\r\n`,
    ];
    for (const head of heads) {
      expect(head.length).toBeLessThanOrEqual(limits.headBytes);
      expect(parseRequestHead(head, limits)).toBeInstanceOf(RequestHead);
    }
  });
});

describe('a request that ends too early', () => {
  const request = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n`;

  it('is seen at each byte', () => {
    for (let bytes = 1; bytes < request.length; bytes++) {
      expect([bytes, requestEvents([bytesOf(request.slice(0, bytes))]).at(-1)]).toEqual([bytes, 'cut']);
    }
    expect(requestEvents([bytesOf(request)]).at(-1)).toBe('end X: y');
    expect(requestEvents([])).toEqual([]);
  });

  it('or is broken is told once, and nothing after it is read', () => {
    for (const [, text, code, reason] of REFUSED_HEADS) {
      const more = [bytesOf(text), bytesOf(`${LINE}${HOST}\r\n`), bytesOf('x'.repeat(1000))];
      expect(requestEvents(more)[0]).toBe(`${code}: ${reason}`);
      expect(requestEvents(more)).toHaveLength(1);
    }
  });
});

describe('a parser that is asked to stop', () => {
  /** Collects what comes, and says after each piece of a body whether more may come. */
  function reader(says: readonly boolean[]) {
    const answers = [...says];
    const pieces: string[] = [];
    const parser = new RequestParser(
      {
        onRequest: () => answers.shift() ?? true,
        onRequestData: (data) => {
          pieces.push(data.toString());
          return answers.shift() ?? true;
        },
        onRequestEnd: () => void pieces.push('end'),
        onRequestFault: ({ reason }) => void pieces.push(reason),
      },
      SMALL,
    );
    return { parser, pieces };
  }

  it('before the body leaves all of it', () => {
    const { parser, pieces } = reader([false]);
    const head = `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\n`;
    const bytes = bytesOf(`${head}hello`);
    expect(parser.execute(bytes, 0)).toBe(head.length);
    expect([pieces, parser.atRest]).toEqual([[], false]);
    expect(parser.execute(bytes, head.length)).toBe(bytes.length);
    expect([pieces, parser.atRest]).toEqual([['hello', 'end'], true]);
  });

  it('before a body that is none has nothing to leave', () => {
    const { parser, pieces } = reader([false]);
    const bytes = bytesOf(`${LINE}${HOST}\r\nGET`);
    expect(parser.execute(bytes, 0)).toBe(bytes.length - 3);
    expect([pieces, parser.atRest]).toEqual([['end'], true]);
    expect(parser.execute(bytes, bytes.length - 3)).toBe(bytes.length);
    expect(parser.atRest).toBe(false);
  });

  it('within chunks goes on where it stood', () => {
    const { parser, pieces } = reader([true, false, false]);
    const bytes = bytesOf(`${CHUNKED_HEAD.text}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`);
    let calls = 0;
    for (let at = 0; at < bytes.length; calls++) at = parser.execute(bytes, at);
    expect([calls, pieces]).toEqual([3, ['he', 'llo', 'end']]);
  });

  it('ends each call with the request', () => {
    const { parser, pieces } = reader([]);
    const bytes = bytesOf(`${LINE}${HOST}\r\n`.repeat(3));
    let calls = 0;
    for (let at = 0; at < bytes.length; calls++) at = parser.execute(bytes, at);
    expect([calls, pieces]).toEqual([3, ['end', 'end', 'end']]);
  });
});

describe('BodyDecoder', () => {
  it('gives out the fed memory itself', () => {
    const bytes = bytesOf('hello');
    for (const [framing, length] of [
      [BODY_LENGTH, 5],
      [BODY_UNTIL_CLOSE, -1],
    ] as const) {
      const decoder = new BodyDecoder({ bytes: 100, fields: 10 });
      decoder.begin(framing, length);
      const pieces: Buffer[] = [];
      expect(decoder.decode(bytes, 0, { onChunkData: (piece) => pieces.push(piece) > 0 })).toBe(5);
      expect(pieces[0]).toBe(bytes);
    }
  });

  it('is done in no other way than its framing says', () => {
    const decoder = new BodyDecoder({ bytes: 100, fields: 10 });
    decoder.begin(BODY_UNTIL_CLOSE, -1);
    expect(decoder.done).toBe(false);
    expect([decoder.close(), decoder.done]).toEqual([null, true]);
    decoder.begin(BODY_CHUNKED, -1);
    expect(decoder.close()).toMatchObject({ reason: 'closed in the middle of a message' });
    decoder.decode(bytesOf('0\r\n\r\n'), 0, { onChunkData: () => true });
    expect([decoder.done, decoder.close(), decoder.trailers]).toEqual([true, null, null]);
    decoder.begin(BODY_LENGTH, 2);
    expect(decoder.close()).not.toBeNull();
  });
});
