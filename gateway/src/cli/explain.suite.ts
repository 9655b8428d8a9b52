import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';

// What the tests of `sluice explain` have in common: a gateway's folder, and runs of the command over it.

export const GATEWAY = `apiVersion: sluice/v1
listeners: [{ name: http, port: 8080 }]
registries: { local: { type: file, path: services.yaml } }
tenants: { directory: tenants }
plugins:
  - { name: guard, source: "file:guard.wasm" }
  - { name: auth, source: "file:guard.wasm" }
chain: [{ use: guard, priority: 1 }, { use: auth, priority: 100 }]
secrets: { directory: secrets }
trustedProxies: ["10.0.0.0/8"]
`;

const HOME = `tenant: home
domains: [app.example.com, "*.iot.example.com"]
discovery: { registry: local, namespace: prod }
lanes:
  - { name: old, tag: old, enabled: false }
  - name: gray
    tag: gray
    rules:
      - { headers: [{ name: x-model, in: [cam-2, cam-3] }] }
      - { percentage: 50, stickyBy: { header: x-id } }
  - { name: beta, tag: beta, acceptTag: true, fallback: reject }
plugins: [{ use: auth, config: { a: 1 } }]
routes:
  - { id: all, match: { path: { prefix: / } }, upstream: { service: web } }
  - id: device
    match:
      - { path: { prefix: /device }, methods: [GET] }
      - { path: { exact: /device/1 } }
    rewrite: { stripPrefix: /device, host: inside.example.com }
    upstream: { services: [{ service: one, weight: 3 }, { service: two }] }
    plugins: [{ use: guard, onFailure: open, config: { b: 1 } }]
  - { id: device-v2, match: { path: { prefix: /device }, headers: [{ name: x-api, exact: v2 }] }, priority: 1, respond: { status: 204 } }
  - { id: moved, hosts: ["*.iot.example.com"], match: { path: { prefix: /old } }, redirect: { replacePrefix: /new, status: 301 } }
  - { id: keyed, match: { path: { exact: /keyed }, headers: [{ name: x-key, exact: { secret: key } }] }, respond: { body: { secret: key } } }
`;

const OTHER = `tenant: other
domains: [shop.example.net]
routes: [{ id: only, match: { path: { exact: /here } }, respond: {} }]
`;

/** What a run printed, and its exit code. */
export interface Run {
  readonly code: number;
  readonly out: string[];
  readonly errors: string[];
}

/** A folder with a gateway's files. */
export class Folder {
  readonly root = mkdtempSync(join(tmpdir(), 'sluice-explain-'));

  constructor() {
    mkdirSync(join(this.root, 'tenants'));
    mkdirSync(join(this.root, 'secrets'));
    this.write('gateway.yaml', GATEWAY);
    this.write('services.yaml', 'services: {}\n');
    this.write('guard.wasm', '');
    this.write('secrets/key', 'kept-to-itself\n');
    this.write('tenants/home.yaml', HOME);
    this.write('tenants/other.yaml', OTHER);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.root, name), text);
  }

  removeSecrets(): void {
    rmSync(join(this.root, 'secrets'), { recursive: true });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  async run(words: readonly string[], options: Partial<Parameters<typeof explain>[0]> = {}): Promise<Run> {
    const [out, errors]: string[][] = [[], []];
    const code = await explain({
      config: join(this.root, 'gateway.yaml'),
      words,
      headers: [],
      env: {},
      print: (line) => out!.push(line),
      printError: (line) => errors!.push(line),
      ...options,
    });
    return { code, out: out!, errors: errors! };
  }

  /** The explanation as JSON. */
  async explain(url: string, headers: readonly string[] = [], options: Partial<Parameters<typeof explain>[0]> = {}) {
    const { code, out } = await this.run([url], { headers, json: true, ...options });
    return { code, ...(JSON.parse(out.join('\n')) as Explanation) };
  }
}
