// What plugins call besides HTTP services: a gRPC service and a Redis, as far as the cases need them.
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

interface Listening {
  readonly port: number;
  stop(): void;
}

async function listen(server: Server | Http2Server): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

/** Sends each message back, between the metadata `x-initial: i` and `x-trailing: t`. */
export function startGrpc(): Promise<Listening> {
  const server = createHttp2();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'x-initial': 'i' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-trailing': 't' }));
    stream.on('data', (frame: Buffer) => stream.write(frame));
    stream.on('end', () => stream.end());
  });
  return listen(server);
}

/** Answers every command with `PONG`. */
export function startRedis(): Promise<Listening> {
  return listen(
    createServer((socket) => {
      socket.on('error', () => {});
      // Each command is one array of RESP, which starts with its length.
      socket.on('data', (bytes: Buffer) => {
        for (const _ of bytes.toString('latin1').matchAll(/\*\d+\r\n/g)) socket.write('+PONG\r\n');
      });
    }),
  );
}
