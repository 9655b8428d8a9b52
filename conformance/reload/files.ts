// Files of a gateway under test, replaced as editors and ConfigMaps do: by renaming, so that no half of one is ever seen.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';

export class Files {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(join(directory, 'tenants'), { recursive: true });
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.directory, 'new'), content);
    renameSync(join(this.directory, 'new'), join(this.directory, name));
  }

  writeTenant(name: string, text: string): void {
    this.write(join('tenants', `${name}.yaml`), text);
  }

  removeTenant(name: string): void {
    rmSync(join(this.directory, 'tenants', `${name}.yaml`));
  }
}

/** One of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
