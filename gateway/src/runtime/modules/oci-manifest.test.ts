import { describe, expect, it } from 'vitest';
import { readManifest } from './oci-manifest.ts';
import { DOCKER_LAYER, INDEX, MANIFEST, TAR_LAYER, WASM_LAYER } from './registry.suite.ts';

const part = (mediaType: string, hex: string, more: object = {}) => {
  return { mediaType, digest: `sha256:${hex.repeat(64)}`, size: 5, ...more };
};
const image = (...layers: unknown[]) => JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, layers });
const index = (...manifests: unknown[]) => JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
const wasm = { platform: { architecture: 'wasm', os: 'wasip1' } };
const amd64 = { platform: { architecture: 'amd64', os: 'linux' } };
const attestation = {
  platform: { architecture: 'unknown', os: 'unknown' },
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
};

describe('a manifest', () => {
  it.each<[string, string, string]>([
    ['of one module', image(part(WASM_LAYER, 'a')), 'a'],
    [
      'with a configuration before it',
      image(part('application/vnd.module.wasm.config.v1+json', 'a'), part(WASM_LAYER, 'b')),
      'b',
    ],
    ['with text after it', image(part('application/wasm', 'a'), part('text/markdown', 'b')), 'a'],
    ['of one archive', image(part(TAR_LAYER, 'a')), 'a'],
    ['of an image of Docker', image(part(DOCKER_LAYER, 'a')), 'a'],
    ['with text before the archive', image(part('text/markdown', 'a'), part(TAR_LAYER, 'b')), 'b'],
    ['of several archives', image(part(TAR_LAYER, 'a'), part(TAR_LAYER, 'b')), 'b'],
    ['of an archive and a module', image(part(WASM_LAYER, 'a'), part(TAR_LAYER, 'b')), 'a'],
  ])('%s names its layer', (_what, text, hex) => {
    expect(readManifest(text)).toMatchObject({ kind: 'layer', layer: { digest: hex.repeat(64), size: 5 } });
  });

  it.each<[string, string, string]>([
    ['with one manifest', index(part(MANIFEST, 'a', amd64)), 'a'],
    ['with one for wasm', index(part(MANIFEST, 'a', amd64), part(MANIFEST, 'b', wasm)), 'b'],
    ['with one for any platform', index(part(MANIFEST, 'a', amd64), part(MANIFEST, 'b')), 'b'],
    ['with an attestation', index(part(MANIFEST, 'a', amd64), part(MANIFEST, 'b', attestation)), 'a'],
  ])('that is an index %s leads to it', (_what, text, hex) => {
    expect(readManifest(text)).toMatchObject({ kind: 'manifest', manifest: { digest: hex.repeat(64) } });
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '<html>', /no JSON/],
    ['a list', '[]', /no JSON/],
    ['of the first version', '{"schemaVersion":1,"fsLayers":[]}', /neither/],
    ['without layers', image(), /no layer/],
    ['of other things', image(part('text/plain', 'a')), /layers of text\/plain/],
    ['with an archive before the end', image(part(TAR_LAYER, 'a'), part('text/plain', 'b')), /none is a module/],
    ['of two modules', image(part(WASM_LAYER, 'a'), part(WASM_LAYER, 'b')), /2 modules/],
    ['with another digest', image({ mediaType: WASM_LAYER, digest: 'sha512:00', size: 1 }), /not one of SHA-256/],
    ['with a path as digest', image({ mediaType: WASM_LAYER, digest: '../../x', size: 1 }), /not one of SHA-256/],
    ['without size', image({ mediaType: WASM_LAYER, digest: `sha256:${'a'.repeat(64)}` }), /without a size/],
    ['of nothing at all', index(), /index is empty/],
    ['for several platforms', index(part(MANIFEST, 'a', amd64), part(MANIFEST, 'b', amd64)), /2 manifests to choose/],
    ['with numbers for layers', image(1, null, 'x'), /no layer/],
  ])('%s is refused', (_what, text, reason) => {
    expect(() => readManifest(text)).toThrow(reason);
  });
});
