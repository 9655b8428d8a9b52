import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { versionOf } from './machine.ts';
import { freePort, listening, type Processes } from './processes.ts';
import { filled } from './subjects/subject.ts';

// The service behind all subjects: nginx, else this file as a program. argv: port.

const KIB = 1024;

/** A service that answers `/data/64k`, `/data/1m`, and anything else with 1 KiB. */
export interface Service {
  readonly port: number;
  /** How the JSON names it. */
  readonly program: string;
}

/** Starts it on the cores of the load; its files go to `directory`. */
export async function startService(processes: Processes, directory: string): Promise<Service> {
  const port = await freePort();
  const nginx = await versionOf('nginx', '-v');
  const program = nginx === null ? `service.ts on ${process.version}` : `nginx ${nginx}`;
  const command =
    nginx === null ? [process.execPath, import.meta.filename, `${port}`] : await nginxCommand(port, directory);
  await listening('the service', processes.start('others', command), port);
  return { port, program };
}

async function nginxCommand(port: number, directory: string): Promise<string[]> {
  await writeFile(join(directory, '64k'), 'x'.repeat(64 * KIB));
  await writeFile(join(directory, '1m'), 'x'.repeat(KIB * KIB));
  const configuration = join(directory, 'upstream.conf');
  await writeFile(configuration, await filled('upstream.conf', { directory, port, body: smallBody() }));
  return ['nginx', '-e', 'stderr', '-c', configuration];
}

/** 1 KiB of JSON. */
function smallBody(): string {
  const fields = { service: 'bench', filler: '' };
  fields.filler = 'x'.repeat(KIB - JSON.stringify(fields).length);
  return JSON.stringify(fields);
}

function serve(port: number): void {
  const bodies: Readonly<Record<string, Buffer>> = {
    '/data/64k': Buffer.alloc(64 * KIB, 'x'),
    '/data/1m': Buffer.alloc(KIB * KIB, 'x'),
  };
  const small = Buffer.from(smallBody());
  const server = createServer((request, response) => {
    request.resume();
    const body = bodies[request.url ?? ''] ?? small;
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  });
  server.keepAliveTimeout = 600_000;
  server.listen(port, '127.0.0.1');
}

if (import.meta.main) serve(Number(process.argv[2]));
