import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Header, type HeaderData } from 'tar';
import type { Issued } from '../../config/certificate.suite.ts';
import type { PluginConfig } from '../../config/schema-plugin.ts';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { digestOf } from './library.ts';

/** Modules that differ in a number. */
export function moduleNumber(n: number): Uint8Array {
  return pluginModule({ fields: `(global (export "version") i32 (i32.const ${n}))` });
}

/** What a server was asked, in order. */
export interface Asked {
  readonly path: string;
  readonly host: string;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server on a free loopback port that does what the test says. */
export class FakeServer {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  answer: Answer;
  port = 0;

  private constructor(answer: Answer, tls: Issued | null) {
    this.answer = answer;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      const { url = '', headers } = request;
      const { host = '', authorization, accept } = headers;
      this.asked.push({ path: url, host, authorization, accept });
      response.on('error', () => {});
      this.answer(request, response);
    };
    this.#server =
      tls === null ? createPlainServer(listener) : createTlsServer({ cert: tls.certificate, key: tls.key }, listener);
  }

  static async open(answer: Answer, tls: Issued | null = null): Promise<FakeServer> {
    const server = new FakeServer(answer, tls);
    await server.#listen(0);
    return server;
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Opens it on the port that it had, after `close`. */
  reopen(): Promise<void> {
    return this.#listen(this.port);
  }

  async #listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, '127.0.0.1', resolve);
    await promise;
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const WASM_LAYER = 'application/vnd.module.wasm.content.layer.v1+wasm';
export const TAR_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

export interface Layer {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What a registry knows of one repository. */
export class FakeImages {
  readonly blobs = new Map<string, Uint8Array>();
  readonly manifests = new Map<string, Uint8Array>();

  /** Pushes an image. Answers the digest of its manifest. */
  push(tag: string, layers: readonly Layer[]): string {
    const parts = layers.map(({ type, bytes }) => {
      const digest = `sha256:${digestOf(bytes)}`;
      this.blobs.set(digest, bytes);
      return { mediaType: type, digest, size: bytes.length };
    });
    return this.manifest(tag, { schemaVersion: 2, mediaType: MANIFEST, layers: parts });
  }

  /** Puts any manifest there. Answers its digest. */
  manifest(tag: string, content: unknown): string {
    const bytes = Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    this.manifests.set(tag, bytes);
    this.manifests.set(`sha256:${digest}`, bytes);
    return digest;
  }

  /** Answers requests for `/v2/plugins/auth/…`. */
  answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const [, kind, name = ''] = /^\/v2\/plugins\/auth\/(manifests|blobs)\/(.+)$/.exec(url) ?? [];
    const found = (kind === 'manifests' ? this.manifests : this.blobs).get(name);
    if (kind === undefined || found === undefined) response.writeHead(404).end('{"errors":[]}');
    else response.writeHead(200, { 'content-type': MANIFEST, 'content-length': found.length }).end(found);
  }
}

/** An archive of these files, in this order; a type other than that of a file may be given. */
export function tarOf(
  files: readonly (readonly [path: string, content: Uint8Array | string, more?: HeaderData])[],
): Buffer {
  const blocks = files.flatMap(([path, content, more]) => {
    const bytes = Buffer.from(content);
    const head = Buffer.alloc(512);
    new Header({ path, size: bytes.length, mode: 0o644, type: 'File', mtime: new Date(0), ...more }).encode(head, 0);
    return [head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function tarGz(...files: Parameters<typeof tarOf>[0]): Buffer {
  return gzipSync(tarOf(files));
}

/** An entry of the catalogue. */
export function pluginConfig(name: string, source: string, more: Partial<PluginConfig> = {}): PluginConfig {
  const limits = {
    memory: 1024 * 1024,
    body: 1024,
    pause: 1000,
    fuel: { request: 100_000, bodyByte: 0, tick: 100_000, configure: 100_000 },
  };
  const allow = {
    services: [],
    tenantServices: true,
    environment: {},
    hostCalls: { deny: [] },
    clock: 'precise' as const,
  };
  return { name, source, limits, allow, ...more };
}
