import { describe, expect, it } from 'vitest';
import { parseGateway } from './parse-gateway.ts';
import { parsePluginSource, staysHere } from './plugin-source.ts';

const HEX = '0'.repeat(64);

describe('a source', () => {
  it.each<[string, object]>([
    ['file:a b.wasm', { kind: 'file', path: 'a b.wasm' }],
    ['https://Example.com/a/../b.wasm?x=1', { kind: 'url', url: 'https://example.com/b.wasm?x=1' }],
    ['oci://r.example/a:1', { kind: 'oci', registry: 'r.example', repository: 'a', tag: '1', digest: null }],
    ['oci://R.Example:5000/a/b-c__d:v1.0_x', { registry: 'r.example:5000', repository: 'a/b-c__d', tag: 'v1.0_x' }],
    [`oci://r.example/a@sha256:${HEX}`, { repository: 'a', tag: null, digest: HEX }],
    [`oci://[::1]:5000/a:1@sha256:${HEX}`, { registry: '[::1]:5000', tag: '1', digest: HEX }],
  ])('%s', (source, expected) => {
    expect(parsePluginSource(source)).toMatchObject(expected);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.9.1:5000', true],
    ['localhost:80', true],
    ['[::1]:5000', true],
    ['localhost.example', false],
    ['128.0.0.1', false],
    ['[::2]', false],
    ['example.com', false],
  ])('at %s stays on this machine: %s', (host, here) => {
    expect(staysHere(host)).toBe(here);
  });

  it('is made absolute, and its password is not shown', () => {
    const entry = { name: 'a', source: `oci://r.example/a@sha256:${HEX}` };
    const pull = { caFile: 'certs/ca.pem', username: 'robot', password: 'p4ss-word' };
    const text = JSON.stringify({
      apiVersion: 'sluice/v1',
      listeners: [{ name: 'http', port: 8080 }],
      tenants: { directory: 'tenants' },
      plugins: [
        { ...entry, pull },
        { name: 'b', source: 'file:b.wasm' },
      ],
    });
    const { config, redacted } = parseGateway('/etc/sluice/gateway.yaml', text);
    expect(config!.plugins).toMatchObject([
      { ...entry, pull: { ...pull, caFile: '/etc/sluice/certs/ca.pem', timeout: 60_000, plainHttp: false } },
      { source: 'file:/etc/sluice/b.wasm' },
    ]);
    expect(JSON.stringify(redacted)).not.toContain('p4ss-word');
    expect(redacted).toMatchObject({ plugins: [{ pull: { password: '***' } }, { name: 'b' }] });
  });
});
