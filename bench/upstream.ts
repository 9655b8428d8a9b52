import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The service behind the gateway, in a process of its own: 1 KiB of JSON, whatever is asked. Prints its port.

const fields = { service: 'bench', filler: '' };
fields.filler = 'x'.repeat(1024 - JSON.stringify(fields).length);
const body = Buffer.from(JSON.stringify(fields));
const headers = { 'content-type': 'application/json', 'content-length': body.length };

const server = createServer((_request, response) => {
  response.writeHead(200, headers).end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
