import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ContractOptions,
  type ContractRig,
  pattern,
  type ResponseReceiver,
  settle,
  TunnelEnd,
  until,
} from './probes.suite.ts';

/** The fields among `names`, in the order received. */
function pick(pairs: readonly string[], names: readonly string[]): string[] {
  const picked: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    if (names.includes(pairs[i]!.toLowerCase())) picked.push(pairs[i]!, pairs[i + 1]!);
  }
  return picked;
}

/**
 * What every implementation of `ResponseSink` and `BodySource`, and everybody who writes to one and reads from the
 * other, must do.
 *
 * @param carries what the way between the two ends can carry
 */
export function runContract(
  name: string,
  open: (options: ContractOptions) => Promise<ContractRig>,
  carries: { readonly requestTrailers: boolean },
): void {
  describe(`exchange contract: ${name}`, () => {
    let rig: ContractRig;
    afterEach(() => rig.close());

    async function begin(method = 'GET', bodyLength: number | null = null, upgrade = ''): Promise<ContractRig> {
      rig = await open({ method, bodyLength, upgrade });
      if (bodyLength === null) await rig.begun;
      return rig;
    }

    /** An exchange that has become a tunnel, with both of its ends. */
    async function tunnel(): Promise<[near: TunnelEnd, far: TunnelEnd, client: ResponseReceiver]> {
      const { response, client } = await begin('GET', null, 'x-test');
      const far = new TunnelEnd(response.upgrade(['Upgrade', 'x-test', 'X-A', '1']));
      await until(() => client.tunnel !== null);
      return [new TunnelEnd(client.tunnel!), far, client];
    }

    it('passes head, data and end in order, with order, case and repeats of the fields', async () => {
      const { response, client } = await begin();
      const fields = ['X-B', '1', 'x-a', '\u00e92', 'x-b', '3', 'Content-Length', '6'];
      response.head(201, [...fields], false);
      response.data(Buffer.from('one'));
      response.data(Buffer.from('two'));
      response.end();
      await until(() => client.ended);
      expect(client.status).toBe(201);
      expect(pick(client.pairs, ['x-a', 'x-b', 'content-length'])).toEqual(fields);
      expect(client.body.toString()).toBe('onetwo');
      expect(client.failed).toBe(false);
      expect(response.closed).toBe(0);
    });

    it('sends a head on before any data', async () => {
      const { response, client } = await begin();
      response.head(200, ['x-a', 'caf\u00e9'], false);
      await until(() => client.status === 200);
      expect(pick(client.pairs, ['x-a'])).toEqual(['x-a', 'caf\u00e9']);
      expect(client.ended).toBe(false);
      response.data(Buffer.from('late'));
      response.end();
      await until(() => client.ended);
      expect(client.body.toString()).toBe('late');
    });

    it('ends a response without a body', async () => {
      const { response, client } = await begin();
      response.head(204, ['x-a', '1'], true);
      response.end();
      await until(() => client.ended);
      expect(client.status).toBe(204);
      expect(client.body).toHaveLength(0);
    });

    it('passes informational heads', async () => {
      const { response, client } = await begin();
      response.informational(103, ['Link', '</a.css>; rel=preload']);
      response.head(200, ['content-length', '0'], true);
      response.end();
      await until(() => client.ended);
      expect(client.informationals.map(({ status }) => status)).toEqual([103]);
      expect(pick(client.informationals[0]!.pairs, ['link'])).toEqual(['Link', '</a.css>; rel=preload']);
      expect(client.status).toBe(200);
    });

    it('passes trailers', async () => {
      const { response, client } = await begin();
      response.head(200, [], false);
      response.data(Buffer.from('body'));
      response.trailers(['Grpc-Status', '0', 'x-sum', 'abc']);
      response.end();
      await until(() => client.ended);
      expect(client.trailers).toEqual(['Grpc-Status', '0', 'x-sum', 'abc']);
    });

    it('holds the writer back while the receiver takes nothing, and loses nothing', async () => {
      const { response, client } = await begin();
      client.hold();
      response.head(200, [], false);
      const chunk = 64 * 1024;
      const limit = 64 * 1024 * 1024;
      let written = 0;
      let more = true;
      while (written < limit) {
        more = response.data(pattern(chunk, written));
        written += chunk;
        if (!more) break;
        await turn();
      }
      expect(more).toBe(false);
      await settle();
      // Sockets in between may swallow a first lot; then it stays shut.
      while (response.drains > 0 && written < limit) {
        const before = response.drains;
        while (response.data(pattern(chunk, written))) written += chunk;
        written += chunk;
        await settle();
        if (response.drains === before) break;
      }
      expect(written).toBeLessThan(limit);
      const drains = response.drains;
      client.release();
      await until(() => response.drains > drains);
      response.data(pattern(chunk, written));
      written += chunk;
      response.end();
      await until(() => client.ended);
      expect(client.body.equals(pattern(written))).toBe(true);
    });

    it('tells the writer once that the receiver left, and drops what comes later', async () => {
      const { response, client } = await begin();
      response.head(200, [], false);
      response.data(Buffer.from('part'));
      await until(() => client.body.length > 0);
      client.close();
      await until(() => response.closed > 0);
      response.data(Buffer.from('late'));
      response.trailers(['x-late', '1']);
      response.end();
      await settle();
      expect(response.closed).toBe(1);
      expect(client.body.toString()).toBe('part');
    });

    it('tells the writer that the receiver left before the head', async () => {
      const { response, client } = await begin();
      client.close();
      await until(() => response.closed > 0);
      response.head(200, [], false);
      response.end();
      await settle();
      expect(response.closed).toBe(1);
      expect(client.status).toBe(0);
    });

    it('shows a reset before the head as a failure without a response', async () => {
      const { response, client } = await begin();
      response.reset();
      await until(() => client.failed);
      expect(client.status).toBe(0);
      expect(client.ended).toBe(false);
    });

    it.each([
      ['of known length', ['content-length', '1000']],
      ['of unknown length', []],
    ])('shows a reset in the middle of a body %s as incomplete', async (_what, pairs) => {
      const { response, client } = await begin();
      response.head(200, pairs, false);
      response.data(Buffer.from('part'));
      await until(() => client.body.length > 0);
      response.reset();
      await until(() => client.failed);
      expect(client.ended).toBe(false);
      expect(client.body.toString()).toBe('part');
    });

    it.each([
      ['known', 6],
      ['unknown', -1],
    ])('passes a request body of %s length in order', async (_what, length) => {
      const { sender, bodyReceiver, response, client, begun } = await begin('POST', length);
      sender.write(Buffer.from('one'));
      await begun;
      bodyReceiver.start();
      await until(() => bodyReceiver.received.length === 3);
      sender.write(Buffer.from('two'));
      sender.end();
      await until(() => bodyReceiver.ended);
      expect(bodyReceiver.received.toString()).toBe('onetwo');
      expect(bodyReceiver.trailers).toBeNull();
      response.head(200, ['content-length', '0'], true);
      response.end();
      await until(() => client.ended);
      expect(bodyReceiver.failed).toBe(false);
    });

    it('delivers nothing before it is asked for, and everything then', async () => {
      const { sender, bodyReceiver, begun } = await begin('POST', 6);
      sender.write(Buffer.from('onetwo'));
      sender.end();
      await begun;
      await settle();
      expect(bodyReceiver.received).toHaveLength(0);
      bodyReceiver.start();
      await until(() => bodyReceiver.ended);
      expect(bodyReceiver.received.toString()).toBe('onetwo');
    });

    it('pauses and resumes a request body', async () => {
      const { sender, bodyReceiver, begun } = await begin('POST', -1);
      const chunk = 256 * 1024;
      sender.write(pattern(chunk));
      await begun;
      bodyReceiver.start();
      await until(() => bodyReceiver.received.length > 0);
      bodyReceiver.pause();
      await settle();
      const held = bodyReceiver.received.length;
      for (let i = 1; i < 8; i++) sender.write(pattern(chunk, i * chunk));
      sender.end();
      await settle();
      expect(bodyReceiver.received.length).toBe(held);
      expect(bodyReceiver.ended).toBe(false);
      bodyReceiver.resume();
      await until(() => bodyReceiver.ended);
      expect(bodyReceiver.received.equals(pattern(8 * chunk))).toBe(true);
    });

    it('says nothing more after stop', async () => {
      const { sender, bodyReceiver, begun } = await begin('POST', -1);
      sender.write(Buffer.from('one'));
      await begun;
      bodyReceiver.start();
      await until(() => bodyReceiver.received.length === 3);
      bodyReceiver.stop();
      sender.write(Buffer.from('two'));
      sender.end();
      await settle();
      expect(bodyReceiver.received.toString()).toBe('one');
      expect(bodyReceiver.ended).toBe(false);
      expect(bodyReceiver.failed).toBe(false);
    });

    it('brings a whole response before the request body has ended', async () => {
      const { sender, bodyReceiver, response, client, begun } = await begin('POST', -1);
      sender.write(Buffer.from('one'));
      await begun;
      bodyReceiver.start();
      await until(() => bodyReceiver.received.length === 3);
      response.head(413, ['content-length', '7'], false);
      response.data(Buffer.from('too big'));
      response.end();
      bodyReceiver.stop();
      await until(() => client.ended);
      expect(client.status).toBe(413);
      expect(client.body.toString()).toBe('too big');
    });

    it('carries both directions at once', async () => {
      const { sender, bodyReceiver, response, client, begun } = await begin('POST', -1);
      sender.write(Buffer.from('one'));
      await begun;
      bodyReceiver.start();
      await until(() => bodyReceiver.received.length === 3);
      response.head(200, [], false);
      response.data(Buffer.from('heard one'));
      await until(() => client.body.toString() === 'heard one');
      sender.write(Buffer.from('two'));
      sender.end();
      await until(() => bodyReceiver.ended);
      expect(bodyReceiver.received.toString()).toBe('onetwo');
      response.data(Buffer.from(' and two'));
      response.end();
      await until(() => client.ended);
      expect(client.body.toString()).toBe('heard one and two');
    });

    it('tells the reader that the sender left in the middle', async () => {
      const { sender, bodyReceiver, begun } = await begin('POST', 1000);
      sender.write(Buffer.from('part'));
      await begun;
      bodyReceiver.start();
      await until(() => bodyReceiver.received.length === 4);
      sender.fail();
      await until(() => bodyReceiver.failed);
      expect(bodyReceiver.ended).toBe(false);
      expect(bodyReceiver.received.toString()).toBe('part');
    });

    it('switches protocols and carries bytes both ways', async () => {
      const [near, far, client] = await tunnel();
      expect(client.status).toBe(101);
      expect(pick(client.pairs, ['upgrade', 'x-a'])).toEqual(expect.arrayContaining(['x-test', 'X-A', '1']));
      far.stream.write('hello client');
      near.stream.write('hello server');
      await until(() => near.text === 'hello client' && far.text === 'hello server');
      expect([near.over, far.over, client.ended, client.failed]).toEqual([false, false, false, false]);
    });

    it.each([
      ['answering', 0],
      ['asking', 1],
    ])('carries one direction of a tunnel on after the %s side has ended its own', async (_who, first) => {
      const [near, far] = await tunnel();
      const [early, late] = first === 0 ? [far, near] : [near, far];
      early.stream.end('that was all');
      await until(() => late.over);
      expect(late.text).toBe('that was all');
      late.stream.write('but ');
      await until(() => early.text === 'but ');
      expect(early.over).toBe(false);
      late.stream.end('not of me');
      await until(() => early.over);
      expect(early.text).toBe('but not of me');
    });

    it('carries much both ways at once, each at the pace of who takes it', async () => {
      const [near, far] = await tunnel();
      const bytes = pattern(6 * 1024 * 1024);
      near.stream.pause();
      far.stream.end(bytes);
      near.stream.end(bytes.subarray(1));
      await until(() => far.over);
      expect(far.bytes.equals(bytes.subarray(1))).toBe(true);
      expect(far.stream.writableFinished).toBe(false);
      near.stream.resume();
      await until(() => near.over);
      expect(near.bytes.equals(bytes)).toBe(true);
    });

    it.each([
      ['answering', 0],
      ['asking', 1],
    ])('ends a tunnel whose %s side is gone', async (_who, gone) => {
      const [near, far] = await tunnel();
      const [leaver, left] = gone === 0 ? [far, near] : [near, far];
      left.stream.write('still here');
      await until(() => leaver.text !== '');
      leaver.stream.destroy();
      await until(() => left.over);
    });

    it('brings any other answer to an upgrade like that to every request', async () => {
      const { response, client } = await begin('GET', null, 'x-test');
      response.head(426, ['content-length', '2'], false);
      response.data(Buffer.from('no'));
      response.end();
      await until(() => client.ended);
      expect([client.status, client.body.toString(), client.tunnel]).toEqual([426, 'no', null]);
    });

    it(carries.requestTrailers ? 'passes request trailers' : 'passes a request body without its trailers', async () => {
      const { sender, bodyReceiver, begun } = await begin('POST', -1);
      sender.write(Buffer.from('body'));
      sender.end(['X-Sum', 'abc']);
      await begun;
      bodyReceiver.start();
      await until(() => bodyReceiver.ended);
      expect(bodyReceiver.received.toString()).toBe('body');
      expect(bodyReceiver.trailers).toEqual(carries.requestTrailers ? ['X-Sum', 'abc'] : null);
    });
  });
}
