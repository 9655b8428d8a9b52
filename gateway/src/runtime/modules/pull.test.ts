import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { issue } from '../../config/certificate.suite.ts';
import { parsePluginSource } from '../../config/plugin-source.ts';
import type { PullConfig } from '../../config/schema-plugin.ts';
import { LIMITS } from '../../core/limits.ts';
import { pullModule, type RemoteOrigin } from './pull.ts';
import { PullError } from './pull-error.ts';
import {
  DOCKER_LAYER,
  FakeImages,
  FakeServer,
  INDEX,
  MANIFEST,
  moduleNumber,
  tarGz,
  TAR_LAYER,
  WASM_LAYER,
} from './registry.suite.ts';

const [ONE, TWO] = [moduleNumber(1), moduleNumber(2)];
const AUTHORITY = issue({ ca: true, commonName: 'tests', names: null });
const CERTIFICATE = issue({ names: ['localhost'], issuer: AUTHORITY });
const directory = mkdtempSync(join(tmpdir(), 'sluice-pull-'));
const caFile = join(directory, 'ca.pem');

beforeAll(() => writeFileSync(caFile, AUTHORITY.certificate));
afterAll(() => rmSync(directory, { recursive: true }));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Answer = Parameters<typeof FakeServer.open>[0];

async function server(answer: Answer, tls = false): Promise<FakeServer> {
  const opened = await FakeServer.open(answer, tls ? CERTIFICATE : null);
  cleanups.push(() => opened.close());
  return opened;
}

const signal = new AbortController().signal;

function pull(source: string, more: Partial<PullConfig> = {}): Promise<Uint8Array> {
  const origin = parsePluginSource(source) as RemoteOrigin;
  return pullModule(origin, { plainHttp: true, timeout: 30_000, ...more }, signal);
}

const refusal = (source: string, more?: Partial<PullConfig>): Promise<PullError> =>
  pull(source, more).then(
    () => expect.unreachable(),
    (error: PullError) => error,
  );
const sending =
  (bytes: Uint8Array | string): Answer =>
  (_request, response) =>
    response.end(bytes);
const redirecting = (target: string) => (response: ServerResponse) =>
  response.writeHead(302, { location: target }).end();

describe('a module behind a URL', () => {
  it('is fetched over TLS that a file vouches for', async () => {
    const { port } = await server(sending(ONE), true);
    const url = `https://localhost:${port}/a.wasm?v=1`;
    expect(await pull(url, { plainHttp: false, caFile })).toEqual(Buffer.from(ONE));
  });

  it.each<[string, string, Partial<PullConfig>, RegExp]>([
    ['nobody vouches for', 'localhost', {}, /not trusted \(.*\); see pull\.caFile/],
    ['is for another name', '127.0.0.1', { caFile }, /not trusted/],
    [
      'cannot be checked for lack of a file',
      'localhost',
      { caFile: '/nowhere/ca.pem' },
      /caFile .* cannot be read \(ENOENT\)/,
    ],
  ])('is not taken when its certificate %s', async (_what, host, more, reason) => {
    const opened = await server(sending(ONE), true);
    const error = await refusal(`https://${host}:${opened.port}/a.wasm`, { plainHttp: false, ...more });
    expect(error.message).toMatch(reason);
    expect(error.refused).toBe(false);
    expect(opened.asked).toEqual([]);
  });

  it('is fetched from where a redirect leads, without the password', async () => {
    const store = await server(sending(ONE));
    const front = await server(({ url }, response) => {
      return redirecting(url === '/a' ? '/b' : `http://${store.host}/blob?signed=1`)(response);
    });
    const login = { username: 'robot', password: 'p4ss' };
    expect(await pull(`http://${front.host}/a`, login)).toEqual(Buffer.from(ONE));
    const authorization = `Basic ${Buffer.from('robot:p4ss').toString('base64')}`;
    expect(front.asked).toMatchObject([
      { path: '/a', authorization },
      { path: '/b', authorization },
    ]);
    expect(store.asked).toMatchObject([{ path: '/blob?signed=1', authorization: undefined }]);
  });

  it.each<[string, (response: ServerResponse, own: string) => unknown, RegExp, boolean]>([
    ['a redirect in a circle', (r, own) => redirecting(own)(r), /more than 5 times/, true],
    ['a redirect to nowhere', (r) => r.writeHead(302).end(), /redirects to nowhere/, true],
    ['a redirect to http on another machine', (r) => redirecting('http://plugins.example/a')(r), /only https/, true],
    ['a redirect to a file', (r) => redirecting('file:///etc/passwd')(r), /not followed/, true],
    ['an error', (r) => r.writeHead(503).end('busy'), /answers 503/, false],
    ['an endless error', (r) => endless(r.writeHead(500)), /answers 500/, false],
    ['no such file', (r) => r.writeHead(404).end(), /answers 404/, false],
    [
      'a length beyond all',
      (r) => r.writeHead(200, { 'content-length': LIMITS.pluginModuleBytes + 1 }).write('x'),
      /sends more than/,
      true,
    ],
    ['a body without end', (r) => endless(r.writeHead(200)), /sends more than/, true],
    [
      'a body that is cut off',
      (r) => r.writeHead(200, { 'content-length': 100 }).write('x', () => r.destroy()),
      /127\.0\.0\.1/,
      false,
    ],
    ['a connection that ends', (r) => r.destroy(), /127\.0\.0\.1/, false],
  ])('is not there: %s', async (_what, answer, reason, refused) => {
    const opened = await server((_request, response) => answer(response, `http://${opened.host}/a`));
    const error = await refusal(`http://${opened.host}/a`);
    expect(error).toBeInstanceOf(PullError);
    expect(error).toMatchObject({ refused, message: expect.stringMatching(reason) });
  });

  it.each<[string, Answer]>([
    ['answers nothing', () => {}],
    ['stops after the head', (_request, response) => void response.writeHead(200).write('x')],
  ])('is not waited for longer than allowed when its server %s', async (_what, answer) => {
    const { host } = await server(answer);
    const error = await refusal(`http://${host}/a`, { timeout: 50 });
    expect(error).toMatchObject({ refused: false, message: `${host} took longer than 50 ms` });
  });

  it('is not waited for by a gateway that ends', async () => {
    const ended = new AbortController();
    const { host } = await server(() => ended.abort());
    const origin = parsePluginSource(`http://${host}/a`) as RemoteOrigin;
    const pulling = pullModule(origin, { plainHttp: true, timeout: 30_000 }, ended.signal);
    await expect(pulling).rejects.toThrow('asks no longer');
  });

  it('is not fetched through a proxy that the environment names', async () => {
    const proxy = await server(sending(TWO));
    const { host } = await server(sending(ONE));
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY']) {
      vi.stubEnv(name, `http://${proxy.host}`);
    }
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    expect(await pull(`http://${host}/a`)).toEqual(Buffer.from(ONE));
    expect(proxy.asked).toEqual([]);
  });

  it('is asked for without http unless that is allowed', async () => {
    const opened = await server(sending(ONE));
    expect((await refusal(`http://${opened.host}/a`, { plainHttp: false })).message).toMatch('only https');
    expect(opened.asked).toEqual([]);
  });
});

/** A registry with one repository, `plugins/auth`. */
class Registry {
  readonly images = new FakeImages();
  readonly server: FakeServer;

  private constructor(opened: FakeServer) {
    this.server = opened;
    opened.answer = (request, response) => this.images.answer(request, response);
  }

  static async open(): Promise<Registry> {
    return new Registry(await server(() => {}));
  }

  get repository(): string {
    return `oci://${this.server.host}/plugins/auth`;
  }

  /** From now on asks for tokens, which a server of their own gives. */
  async wantTokens(accepts: (authorization: string | undefined) => boolean): Promise<FakeServer> {
    const tokens = await server((request, response) => {
      if (!accepts(request.headers.authorization)) response.writeHead(401).end();
      else response.end(JSON.stringify({ token: 't0ken' }));
    });
    const challenge = `Bearer realm="http://${tokens.host}/token?x=1",service="reg",scope="repository:all:push"`;
    this.want('Bearer t0ken', challenge);
    return tokens;
  }

  want(authorization: string, challenge: string): void {
    this.server.answer = (request, response) => {
      if (request.headers.authorization === authorization) this.images.answer(request, response);
      else response.writeHead(401, { 'www-authenticate': challenge }).end();
    };
  }
}

const BASIC = `Basic ${Buffer.from('robot:p4ss').toString('base64')}`;
const LOGIN = { username: 'robot', password: 'p4ss' };

describe('a module in a registry', () => {
  it.each<[string, string, Uint8Array]>([
    ['as it is', WASM_LAYER, ONE],
    ['in an archive', TAR_LAYER, tarGz(['plugin.wasm', ONE])],
    ['in an image of Docker', DOCKER_LAYER, tarGz(['plugin.wasm', ONE])],
  ])('is fetched by its tag and by its digest, %s', async (_what, type, bytes) => {
    const { images, repository, server: opened } = await Registry.open();
    const digest = images.push('1.2', [{ type, bytes }]);
    expect(Buffer.from(await pull(`${repository}:1.2`)).equals(ONE)).toBe(true);
    expect(Buffer.from(await pull(`${repository}@sha256:${digest}`)).equals(ONE)).toBe(true);
    expect(Buffer.from(await pull(`${repository}:gone@sha256:${digest}`)).equals(ONE)).toBe(true);
    expect(opened.asked[0]).toMatchObject({
      path: '/v2/plugins/auth/manifests/1.2',
      accept: expect.stringContaining('vnd.docker.distribution.manifest.v2+json'),
    });
  });

  it('is found through an index', async () => {
    const { images, repository } = await Registry.open();
    const digest = images.push('one', [{ type: WASM_LAYER, bytes: ONE }]);
    const entry = { mediaType: MANIFEST, digest: `sha256:${digest}`, size: 1, platform: { architecture: 'wasm' } };
    images.manifest('all', { schemaVersion: 2, mediaType: INDEX, manifests: [entry] });
    expect(Buffer.from(await pull(`${repository}:all`)).equals(ONE)).toBe(true);
    const nested = images.manifest('two', { schemaVersion: 2, manifests: [entry] });
    images.manifest('deep', { manifests: [{ ...entry, digest: `sha256:${nested}` }] });
    expect((await refusal(`${repository}:deep`)).message).toMatch('another index');
  });

  it('is fetched with a token for this repository only, with and without a password', async () => {
    const registry = await Registry.open();
    registry.images.push('1', [{ type: WASM_LAYER, bytes: ONE }]);
    const path = '/token?x=1&service=reg&scope=repository%3Aplugins%2Fauth%3Apull';
    const anonymous = await registry.wantTokens((authorization) => authorization === undefined);
    await pull(`${registry.repository}:1`);
    expect(anonymous.asked).toMatchObject([{ path, authorization: undefined }]);
    const named = await registry.wantTokens((authorization) => authorization === BASIC);
    await pull(`${registry.repository}:1`, LOGIN);
    expect(named.asked).toMatchObject([{ path, authorization: BASIC }]);
    const { asked } = registry.server;
    expect(asked.map(({ authorization }) => authorization)).toEqual([
      undefined,
      'Bearer t0ken',
      'Bearer t0ken',
      undefined,
      'Bearer t0ken',
      'Bearer t0ken',
    ]);
  });

  it('is fetched with a password where no token is asked for', async () => {
    const registry = await Registry.open();
    registry.images.push('1', [{ type: WASM_LAYER, bytes: ONE }]);
    registry.want(BASIC, 'Basic realm="registry"');
    expect(Buffer.from(await pull(`${registry.repository}:1`, LOGIN)).equals(ONE)).toBe(true);
    expect((await refusal(`${registry.repository}:1`)).message).toMatch('give pull.username and pull.password');
  });

  it('is fetched from a store on another host, which sees neither token nor password', async () => {
    const registry = await Registry.open();
    registry.images.push('1', [{ type: WASM_LAYER, bytes: ONE }]);
    const store = await server(sending(ONE));
    registry.server.answer = (request, response) => {
      if (request.headers.authorization !== BASIC) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      } else if (request.url!.includes('/blobs/')) redirecting(`http://${store.host}/x?signature=1`)(response);
      else registry.images.answer(request, response);
    };
    expect(Buffer.from(await pull(`${registry.repository}:1`, LOGIN)).equals(ONE)).toBe(true);
    expect(store.asked).toMatchObject([{ authorization: undefined }]);
    store.answer = (_request, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    expect((await refusal(`${registry.repository}:1`, LOGIN)).message).toMatch(/refuses access .*status 401/);
    expect(store.asked).toHaveLength(2);
  });

  it.each<[string, string, Partial<PullConfig>, RegExp]>([
    ['a challenge of nothing', '', {}, /does not say what it wants/],
    ['an unknown challenge', 'Negotiate', LOGIN, /does not say what it wants/],
    ['a token of nobody', 'Bearer service="x"', LOGIN, /who gives tokens/],
    ['a token over http elsewhere', 'Bearer realm="http://tokens.example/"', LOGIN, /only https/],
    ['a password that is wrong', 'Basic realm="r"', LOGIN, /check pull\.username/],
  ])('is not given away: %s', async (_what, challenge, login, reason) => {
    const registry = await Registry.open();
    registry.want('never', challenge);
    const error = await refusal(`${registry.repository}:1`, login);
    expect(error.message).toMatch(reason);
    expect(error.message).not.toMatch(/p4ss|cDRzcw/);
    expect(registry.server.asked.length).toBeLessThan(3);
  });

  it.each<[string, (response: ServerResponse) => unknown, RegExp]>([
    ['no JSON', (r) => r.end('token'), /has no token/],
    ['no token', (r) => r.end('{"token":5}'), /has no token/],
    ['a token that would split the request', (r) => r.end('{"token":"a\\r\\nx: y"}'), /has no token/],
    ['a token without end', (r) => endless(r.writeHead(200)), /sends more than/],
    ['a refusal', (r) => r.writeHead(403).end(), /gives no token .*status 403.*give pull\.username/],
  ])('is not fetched when its token is %s', async (_what, answer, reason) => {
    const registry = await Registry.open();
    const tokens = await server((_request, response) => answer(response));
    registry.want('never', `Bearer realm="http://${tokens.host}/"`);
    expect((await refusal(`${registry.repository}:1`)).message).toMatch(reason);
  });

  it.each<[string, (registry: Registry) => string, RegExp, boolean]>([
    ['has no such tag', () => ':none', /has no plugins\/auth\/manifests\/none/, false],
    [
      'has another manifest for the digest',
      ({ images }) => exchanged(images.manifests, images.push('1', [{ type: WASM_LAYER, bytes: ONE }])),
      /SHA-256 of the manifest is/,
      true,
    ],
    ['has another layer for the digest', ({ images }) => exchangedLayer(images), /SHA-256 of the layer is/, true],
    ['has lost the layer', ({ images }) => lostLayer(images), /has no plugins\/auth\/blobs\//, false],
    ['names a layer that is too large', ({ images }) => large(images), /the layer has \d+ bytes/, true],
    ['has an archive that climbs', ({ images }) => tagged(images, tarGz(['../plugin.wasm', ONE])), /leads out/, true],
    ['has an endless manifest', ({ server: opened }) => endlessManifest(opened), /sends more than/, true],
  ])('is not there when the registry %s', async (_what, prepare, reason, refused) => {
    const registry = await Registry.open();
    const reference = prepare(registry);
    const error = await refusal(registry.repository + reference);
    expect(error).toMatchObject({ refused, message: expect.stringMatching(reason) });
  });
});

function exchanged(manifests: Map<string, Uint8Array>, digest: string): string {
  manifests.set(`sha256:${digest}`, Buffer.from('{"layers":[]}'));
  return `@sha256:${digest}`;
}

function exchangedLayer(images: FakeImages): string {
  images.push('1', [{ type: WASM_LAYER, bytes: ONE }]);
  for (const digest of images.blobs.keys()) images.blobs.set(digest, TWO);
  return ':1';
}

function lostLayer(images: FakeImages): string {
  images.push('1', [{ type: WASM_LAYER, bytes: ONE }]);
  images.blobs.clear();
  return ':1';
}

function large(images: FakeImages): string {
  const layer = { mediaType: WASM_LAYER, digest: `sha256:${'a'.repeat(64)}`, size: LIMITS.pluginModuleBytes + 1 };
  images.manifest('1', { layers: [layer] });
  return ':1';
}

function tagged(images: FakeImages, bytes: Uint8Array): string {
  images.push('1', [{ type: TAR_LAYER, bytes }]);
  return ':1';
}

function endlessManifest(opened: FakeServer): string {
  opened.answer = (_request, response) => endless(response.writeHead(200));
  return ':1';
}

/** Writes until nobody reads any more. */
function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const write = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', write);
  };
  write();
}
