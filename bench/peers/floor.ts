import { connect, createServer, type Socket } from 'node:net';

// A TCP forwarder that parses nothing: what the sockets of Node cost alone, one connection to the service for each client's.
// argv: port, port of the service.

const [, , port, upstreamPort] = process.argv;

function forward(from: Socket, to: Socket): void {
  from.on('data', (chunk) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
}

createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const service = connect({ port: Number(upstreamPort), host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  forward(client, service);
  forward(service, client);
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
