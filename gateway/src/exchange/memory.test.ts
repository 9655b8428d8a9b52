import { describe, expect, it } from 'vitest';
import { runContract } from './contract.suite.ts';
import { BodyProbe, memorySender, SinkProbe, sinkReceiver, until } from './probes.suite.ts';
import { PairHeaders } from './headers.ts';
import { MemoryBody, MemorySink } from './memory.ts';

runContract(
  'memory',
  async ({ bodyLength }) => {
    const body = new MemoryBody(bodyLength ?? -1);
    const sink = new MemorySink();
    return {
      sender: memorySender(body),
      bodyReceiver: new BodyProbe(body),
      response: new SinkProbe(sink),
      client: sinkReceiver(sink),
      begun: Promise.resolve(),
      close: async () => {},
    };
  },
  { requestTrailers: true },
);

describe('memory body', () => {
  it('spoils a chunk once its reader has returned', async () => {
    const kept: Buffer[] = [];
    let ended = false;
    MemoryBody.of('text').read({
      onBodyData: (chunk) => void kept.push(chunk),
      onBodyEnd: () => {
        ended = true;
      },
      onBodyError: () => {},
    });
    await until(() => ended);
    expect(kept[0]!.toString()).not.toBe('text');
  });

  it('cannot be read twice', () => {
    const body = MemoryBody.of('text');
    body.read(new BodyProbe(body));
    expect(() => body.read(new BodyProbe(body))).toThrow('read twice');
  });
});

describe('memory sink', () => {
  it.each<[string, (sink: MemorySink) => void]>([
    ['data before head', (sink) => void sink.data(Buffer.from('x'))],
    ['end before head', (sink) => sink.end()],
    ['trailers before head', (sink) => sink.trailers(new PairHeaders())],
  ])('refuses %s', (_what, call) => {
    expect(() => call(new MemorySink())).toThrow('out of order');
  });

  it.each<[string, (sink: MemorySink) => void]>([
    ['a second head', (sink) => sink.head(200, new PairHeaders(), false)],
    ['data that the head ruled out', (sink) => void sink.data(Buffer.from('x'))],
    ['an informational head after the head', (sink) => sink.informational(103, new PairHeaders())],
  ])('refuses %s', (_what, call) => {
    const sink = new MemorySink();
    sink.head(204, new PairHeaders(), true);
    expect(() => call(sink)).toThrow();
  });

  it('resolves done when the response is over', async () => {
    const sink = new MemorySink();
    sink.head(200, new PairHeaders(), false);
    sink.reset('SLUICE_UPSTREAM_RESET');
    await sink.done;
    expect(sink.resetCode).toBe('SLUICE_UPSTREAM_RESET');
  });
});
