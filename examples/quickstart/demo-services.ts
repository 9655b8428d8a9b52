import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { readServicesFile } from '../../gateway/src/config/parse-services.ts';

/** A demo service that could not take its port. */
export class DemoServiceError extends Error {
  override name = 'DemoServiceError';
}

/** Starts a demo service for every endpoint of a services file. @throws DemoServiceError when a port is taken. */
export async function startDemoServices(servicesFile: string): Promise<Server[]> {
  const services = readServicesFile(servicesFile, await readFile(servicesFile, 'utf8'));
  const started: Server[] = [];
  for (const [service, { endpoints }] of services) {
    for (const { address, port, metadata } of endpoints) {
      const lane = metadata['lane'] ?? 'baseline';
      started.push(await listen(service, lane, address, port));
    }
  }
  return started;
}

function listen(service: string, lane: string, address: string, port: number): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  const server = createServer((request, response) => answer(service, lane, request, response));
  server.once('error', (error: NodeJS.ErrnoException) => {
    const remedy = 'stop the other program, or give the service another port in services.yaml';
    const place = `${service} cannot listen on ${address}:${port} (${error.code})`;
    reject(new DemoServiceError(`${place}: ${remedy}`, { cause: error }));
  });
  server.listen(port, address, () => resolve(server));
  return promise;
}

/** Who answered, and what arrived here after the gateway's work. */
function answer(service: string, lane: string, { url, headers }: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ service, lane, path: url, headers });
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${body}\n`);
}
