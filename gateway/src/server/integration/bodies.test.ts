import { type IncomingMessage, request as sendRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { HttpClient, RawClient } from '../listener.suite.ts';
import { ask, eventually, HOST } from './fixture.suite.ts';
import { ALLOWED, buffered, produce, readSlowly } from './memory.suite.ts';
import { raw, rigOf, upstream } from './proxy-rig.suite.ts';

describe('framing of the request', () => {
  async function seenFraming(head: string, body: string): Promise<Record<string, string | undefined>> {
    const server = await upstream('main', (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => response.end(text));
    });
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send(`POST / HTTP/1.1\r\nHost: a.example\r\n${head}\r\n${body}`);
    await eventually(() => client.text).toMatch(/\r\n0\r\n\r\n$|hello$/);
    client.socket.destroy();
    const { headers } = server.last;
    expect(client.text).toContain(body === '' ? '\r\n0\r\n' : 'hello');
    return { length: headers['content-length'], coding: headers['transfer-encoding'] };
  }

  it('keeps a length', async () => {
    expect(await seenFraming('Content-Length: 5\r\n', 'hello')).toEqual({ length: '5', coding: undefined });
  });

  it('keeps chunks', async () => {
    const body = '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n';
    expect(await seenFraming('Transfer-Encoding: chunked\r\n', body)).toEqual({ length: undefined, coding: 'chunked' });
  });

  it('refuses a request with both, so that none can be smuggled', async () => {
    const server = await upstream('main', (_request, response) => void response.end());
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.send('0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await eventually(() => client.closed).toBe(true);
    expect(client.text).toMatch(/^HTTP\/1.1 400 /);
    expect(server.seen).toHaveLength(0);
  });

  it('answers an expectation itself and forwards none', async () => {
    const server = await upstream('main', (request, response) => void request.pipe(response));
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    await eventually(() => client.text).toContain('100 Continue\r\n\r\n');
    client.send('hello');
    await eventually(() => client.text).toContain('hello');
    expect(server.last.headers.expect).toBeUndefined();
    client.socket.destroy();
  });
});

describe('framing of the response', () => {
  it.each([
    ['a length', 'Content-Length: 5\r\n\r\nhello', 'content-length', '5'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'transfer-encoding', 'chunked'],
    ['the end of the connection', 'Connection: close\r\n\r\nhello', 'transfer-encoding', 'chunked'],
  ])('by %s', async (_what, rest, name, value) => {
    const server = await raw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${rest}`);
      if (rest.startsWith('Connection')) socket.end();
    });
    const rig = await rigOf({}, [server.port]);
    const reply = await ask(rig.port);
    expect(reply).toMatchObject({ status: 200, text: 'hello' });
    expect(reply.headers[name]).toBe(value);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ bytes_sent: 5, response_flags: '-' });
  });

  it('passes trailers', async () => {
    const server = await raw((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'),
    );
    const rig = await rigOf({}, [server.port]);
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => client.ended).toBe(true);
    expect(client.trailers).toEqual(['X-Sum', '1']);
  });

  it('passes trailers of requests, announced or not, but for the lane tag and what traces say', async () => {
    const server = await raw((socket, text) => {
      if (text.endsWith('\r\n\r\n') && /\r\n0\r\n/.test(text)) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    const forged = ['X-MSE-Tag: gray', 'traceparent: 00-1-2-01', 'TRACESTATE: a=b', 'sw8: 1-a', 'Host: b.example'];
    for (const trailers of [['X-Sum: 1', ...forged], forged]) {
      client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`);
      client.send(`2\r\nok\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`);
    }
    await eventually(() => client.text.split('HTTP/1.1 204').length).toBe(3);
    const ends = server.received.split('2\r\nok\r\n').slice(1);
    expect(ends.map((end) => end.slice(0, end.indexOf('\r\n\r\n')))).toEqual(['0\r\nX-Sum: 1', '0']);
    client.socket.destroy();
  });

  it('serves many requests over the same connections, both ways', async () => {
    const server = await upstream('main', (_request, response) => void response.end('ok'));
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    for (let i = 1; i <= 20; i++) {
      client.send('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
      await eventually(() => client.text.split('HTTP/1.1 200').length).toBe(i + 1);
    }
    expect(client.closed).toBe(false);
    expect([server.seen.length, server.connections]).toEqual([20, 1]);
    client.socket.destroy();
  });
});

const SIZE = 20 * 1024 * 1024;

describe('20 MB', () => {
  it('to a slow client stay out of memory and arrive whole', async () => {
    let sent = '';
    const server = await upstream('main', (_request, response) => {
      sent = produce(
        SIZE,
        (chunk) => response.write(chunk),
        (go) => response.once('drain', go),
        () => response.end(),
      );
    });
    const rig = await rigOf({}, [server.port]);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    const before = buffered();
    sendRequest({ host: '127.0.0.1', port: rig.port, headers: { host: 'a.example' }, agent: false }, resolve).end();
    const { digest, held } = await readSlowly(await promise, before);
    expect(digest).toBe(sent);
    expect(held).toBeLessThan(ALLOWED);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ bytes_sent: SIZE });
    await rig.expectIdle();
  });

  it('to a slow upstream stay out of memory and arrive whole', async () => {
    const received = Promise.withResolvers<{ digest: string; held: number }>();
    const before = buffered();
    const server = await upstream('main', (request, response) => {
      void readSlowly(request, before).then((result) => {
        response.end();
        received.resolve(result);
      });
    });
    const rig = await rigOf({}, [server.port]);
    const options = { host: '127.0.0.1', port: rig.port, method: 'POST', headers: { host: 'a.example' }, agent: false };
    const answered = Promise.withResolvers<number>();
    const request = sendRequest(options as never, (response: IncomingMessage) => {
      response.resume();
      answered.resolve(response.statusCode ?? 0);
    });
    const sent = produce(
      SIZE,
      (chunk) => request.write(chunk),
      (go) => request.once('drain', go),
      () => request.end(),
    );
    const { digest, held } = await received.promise;
    expect([digest, await answered.promise]).toEqual([sent, 200]);
    expect(held).toBeLessThan(ALLOWED);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ bytes_received: SIZE });
    await rig.expectIdle();
  });

  it('echoed arrive whole', async () => {
    const server = await upstream('main', (request, response) => void request.pipe(response));
    const rig = await rigOf({}, [server.port]);
    const body = Buffer.alloc(SIZE, 'echo');
    const reply = await ask(rig.port, { method: 'PUT', body });
    expect(reply.text.length).toBe(SIZE);
    expect(reply.text).toBe(body.toString());
    await rig.expectIdle();
  });
});

describe('an answer before the request body is complete', () => {
  it('reaches the client, and the rest of the body goes nowhere', async () => {
    const server = await upstream('main', (request, response) => {
      response.writeHead(413).end('too much');
      request.resume();
    });
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send(`POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${SIZE}\r\n\r\n${'x'.repeat(1000)}`);
    await eventually(() => client.text).toContain('too much');
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code: 413, response_flags: '-' });
    await rig.expectIdle();
    await eventually(() => client.closed).toBe(true);
  });
});
