import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { encodePayload } from './codec.ts';
import { ManualClock } from '../fixtures.suite.ts';
import { nacosSource, startRig } from './fixture.suite.ts';

const strangers: [string, (socket: Socket) => void][] = [
  ['closes at once', (socket) => socket.destroy()],
  ['speaks HTTP/1', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')],
  ['sends noise', (socket) => socket.write(Buffer.alloc(4096, 0x5a))],
  ['never says a word', () => {}],
];

describe('a peer that is no Nacos server', () => {
  it.each(strangers)('and %s is tried again and harms nothing', async (_what, behave) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      behave(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port - 1_000}`;
    const clock = new ManualClock();
    const client = nacosSource([address], { clock });
    const users = client.watch('users');
    for (let attempt = 1; attempt <= 3; attempt++) {
      const failed = client.log.until('cannot connect', attempt);
      if (sockets.length < attempt) await once(server, 'connection');
      // The silent one fails by the clock, the others by themselves.
      if (behave === strangers[3]![1]) await clock.advance(3_000);
      await failed;
      await clock.advance(1_000);
    }
    expect(users.lists).toHaveLength(0);
    expect(client.source.status()).toMatchObject({ connected: false, services: [{ state: 'pending' }] });
    expect(client.source.status().lastError).toContain(address);
    await client.dispose();
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it('answers with messages that make no sense, and is not believed', async () => {
    const { fake, source, watch, log, dispose } = await startRig();
    fake.setInstances('users', '', '', [{ ip: '127.0.0.1', port: 1 }]);
    const users = watch('users');
    await users.ports([1]);
    const bodies = [
      '',
      'null',
      '[]',
      '"text"',
      '{',
      '{"serviceInfo":{"hosts":[]}}',
      '{"serviceInfo":{"hosts":[null]}}',
    ];
    for (const body of bodies) {
      const message = { type: 'NotifySubscriberRequest', clientIp: '', headers: {}, body: Buffer.from(body) };
      fake.sendBytes(encodePayload(message));
    }
    fake.pushInfo('users', '', '', { hosts: Array.from({ length: 30_001 }, () => ({ ip: 'a', port: 1 })) });
    await log.until('more than 30000');
    expect(log.matching('cannot be read')).toHaveLength(5);
    expect(users.lists).toHaveLength(1);
    expect(source.status().connected).toBe(true);
    await dispose();
  });
});
