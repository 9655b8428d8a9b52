// A demo service in a process of its own; told what to do by its parent, see upstream.ts.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ToUpstream, UpstreamCounts } from './upstream.ts';

const [name = '', port = '0'] = process.argv.slice(2);
let counts: UpstreamCounts = { untagged: 0, tagged: 0, firstAt: 0, lastAt: 0 };

const server = createServer((request, response) => {
  const now = Date.now();
  const tag = request.headers['x-mse-tag'];
  counts[tag === undefined ? 'untagged' : 'tagged']++;
  if (counts.firstAt === 0) counts.firstAt = now;
  counts.lastAt = now;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ name, tag: tag ?? '', path: request.url }));
});

function stop(): void {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}

process.on('message', ({ id, op }: ToUpstream) => {
  if (op === 'stop') {
    stop();
    return;
  }
  process.send?.({ id, counts });
  if (op === 'reset') counts = { untagged: 0, tagged: 0, firstAt: 0, lastAt: 0 };
});
process.on('disconnect', () => process.exit(0));

server.listen(Number(port), '127.0.0.1', () => {
  process.send?.({ id: 0, port: (server.address() as AddressInfo).port });
});
