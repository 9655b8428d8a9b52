import { describe, expect, it } from 'vitest';
import { type Conduct, ScriptedFilter } from '../../filters/body.suite.ts';
import { type Direction, REQUEST, RESPONSE } from '../../filters/filter.ts';
import { HttpClient } from '../listener.suite.ts';
import { eventually } from './fixture.suite.ts';
import { echo, gathering, pluginFilter, rigWith, streaming } from './plugin.suite.ts';
import { type ProxyRig, raw, rigOf, upstream } from './proxy-rig.suite.ts';

describe('an upstream that breaks off', () => {
  it.each([
    ['gathered', gathering(1)],
    ['streamed', streaming(1)],
  ])('in the middle of a %s response', async (what, guest) => {
    const server = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
      if (what === 'gathered') socket.end();
    });
    const rig = await rigWith(guest, server.port);
    const client = new HttpClient(rig.port);
    client.end();
    if (what === 'gathered') {
      // Nothing of it has left yet, so the client gets a whole answer.
      await eventually(() => client.ended).toBe(true);
      expect(client.status).toBe(502);
    } else {
      await eventually(() => client.body.toString()).toBe('<hello');
      for (const socket of server.sockets) socket.destroy();
      await eventually(() => client.failed).toBe(true);
    }
    await rig.expectIdle();
  });
});

describe('a client that leaves', () => {
  const filterOf = (conduct: Conduct, direction: Direction): ScriptedFilter => new ScriptedFilter(conduct, direction);

  async function expectAborted(rig: ProxyRig, filter: ScriptedFilter): Promise<void> {
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code: 499, response_code_details: 'SLUICE_CLIENT_ABORTED' });
    await rig.expectIdle();
    expect(filter.done).toBe(1);
    filter.control!.resumeRequest();
    filter.control!.resumeResponse();
    filter.control!.fail('SLUICE_PLUGIN_FAILED', 'late');
    expect(rig.errors).toEqual([]);
  }

  it.each(['pass', 'gather', 'lost', 'full', 'head'] as const)(
    'in the middle of its upload, with a filter that would %s',
    async (conduct) => {
      const server = await echo();
      const filter = filterOf(conduct, REQUEST);
      const rig = await rigOf({ filters: [filter] }, [server.port]);
      const client = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '1000'] });
      client.write(Buffer.alloc(300));
      await eventually(() => filter.shown.length).toBe(1);
      client.close();
      await expectAborted(rig, filter);
    },
  );

  it('while a filter holds its whole request', async () => {
    const server = await echo();
    const filter = filterOf('lost', REQUEST);
    const rig = await rigOf({ filters: [filter] }, [server.port]);
    const client = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '300'] });
    client.write(Buffer.alloc(300));
    client.end();
    await eventually(() => rig.bodies.held).toBe(300);
    client.close();
    await expectAborted(rig, filter);
    expect(server.seen).toHaveLength(0);
  });

  it.each(['pass', 'gather', 'lost', 'full', 'head', 'drop'] as const)(
    'in the middle of a response, with a filter that would %s',
    async (conduct) => {
      const server = await upstream('main', (_request, response) => void response.write('some of it'));
      const filter = filterOf(conduct, RESPONSE);
      const rig = await rigOf({ filters: [filter] }, [server.port]);
      const client = new HttpClient(rig.port);
      client.end();
      await eventually(() => filter.shown.length).toBe(1);
      client.close();
      await eventually(() => server.aborted).toBe(1);
      await expectAborted(rig, filter);
    },
  );

  it('while it takes nothing of a long response', async () => {
    const server = await upstream('main', (_request, response) => void response.end(Buffer.alloc(16 * 1024 * 1024)));
    const filter = filterOf('pass', RESPONSE);
    const rig = await rigOf({ filters: [filter] }, [server.port]);
    const client = new HttpClient(rig.port);
    client.hold();
    client.end();
    await eventually(() => client.status).toBe(200);
    client.close();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig, filter);
  });

  it('leaves nothing behind, a hundred times over', async () => {
    const server = await echo();
    const filters = [await pluginFilter(gathering(0)), await pluginFilter(gathering(1))];
    const rig = await rigOf({ filters }, [server.port]);
    const clients = Array.from({ length: 100 }, () => {
      return new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '2000'] });
    });
    for (const client of clients) client.write(Buffer.alloc(1000, 'x'));
    await eventually(() => rig.bodies.held).toBe(100_000);
    for (const [i, client] of clients.entries()) {
      if (i % 2 === 0) client.close();
      else {
        client.write(Buffer.alloc(1000, 'y'));
        client.end();
      }
    }
    await eventually(() => rig.lines).toHaveLength(100);
    await rig.expectIdle();
    const whole = clients.filter((_, i) => i % 2 === 1);
    await eventually(() => whole.every(({ ended }) => ended)).toBe(true);
    for (const { body } of whole) expect(body).toHaveLength(2002);
  });
});
