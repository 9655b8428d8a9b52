import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { moduleOf } from './oci-archive.ts';
import { PullError } from './pull-error.ts';
import { moduleNumber, tarGz, tarOf } from './registry.suite.ts';

const MODULE = moduleNumber(1);
const refusal = (layer: Uint8Array): Promise<PullError> =>
  moduleOf(layer).then(
    () => expect.unreachable(),
    (e) => e,
  );

describe('the module of a layer', () => {
  it.each<[string, Uint8Array]>([
    ['is the layer', MODULE],
    ['is plugin.wasm of an archive', tarOf([['plugin.wasm', MODULE]])],
    ['is plugin.wasm of a packed archive', tarGz(['plugin.wasm', MODULE])],
    ['is below ./', tarGz(['./', '', { type: 'Directory' }], ['./plugin.wasm', MODULE])],
    ['is beside other files', tarGz(['README.md', 'read me'], ['plugin.wasm', MODULE], ['x/plugin.wasm', 'other'])],
    ['is in the second part of a packed file', Buffer.concat(split(tarOf([['plugin.wasm', MODULE]])).map(gzipPart))],
  ])('%s', async (_what, layer) => {
    expect(Buffer.from(await moduleOf(layer)).equals(MODULE)).toBe(true);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', Buffer.alloc(0), /no archive/],
    ['no archive', Buffer.from('hello, this is text '.repeat(60)), /no archive/],
    [
      'an archive without it',
      tarGz(['main.wasm', MODULE], ['spec.yaml', 'a: 1']),
      /no plugin\.wasm; it has main\.wasm, spec\.yaml/,
    ],
    ['an empty archive', tarGz(), /no archive/],
    ['an archive with it twice', tarGz(['plugin.wasm', MODULE], ['./plugin.wasm', MODULE]), /twice/],
    ['a path that climbs', tarGz(['../plugin.wasm', MODULE]), /leads out/],
    ['a path that climbs later', tarGz(['plugin.wasm', MODULE], ['a/../../etc/cron.d/x', '']), /leads out/],
    ['an absolute path', tarGz(['/etc/passwd', 'x'], ['plugin.wasm', MODULE]), /leads out/],
    ['a link', tarGz(['plugin.wasm', '', { type: 'SymbolicLink', linkpath: '/etc/passwd' }]), /no file/],
    ['a hard link', tarGz(['plugin.wasm', '', { type: 'Link', linkpath: 'other' }]), /no file/],
    ['a directory of that name', tarGz(['plugin.wasm/', '', { type: 'Directory' }]), /no file/],
    ['an archive that is cut off', gzipSync(tarOf([['plugin.wasm', MODULE]]).subarray(0, 600)), /no archive/],
    ['a packed file that is cut off', tarGz(['plugin.wasm', MODULE]).subarray(0, 80), /damaged/],
    ['a packed file that is damaged', damaged(tarGz(['plugin.wasm', MODULE])), /damaged/],
    ['a bomb', gzipSync(Buffer.alloc(LIMITS.pluginArchiveBytes + 1)), /more than \d+ bytes unpacked/],
    ['a bomb in a bomb', gzipSync(gzipSync(Buffer.alloc(1024))), /packed twice/],
    ['a large module', gzipSync(tarOf([['plugin.wasm', Buffer.alloc(LIMITS.pluginModuleBytes + 1)]])), /more than/],
    ['a crowd', tarGz(...Array.from({ length: 1001 }, (_, i) => [`f${i}`, ''] as const)), /more than 1000 files/],
  ])('is not there: %s', async (_what, layer, reason) => {
    const error = await refusal(layer);
    expect(error).toBeInstanceOf(PullError);
    expect(error).toMatchObject({ refused: true, message: expect.stringMatching(reason) });
  });

  it('is looked for in anything without harm', async () => {
    const archive = tarOf([['plugin.wasm', MODULE]]);
    for (let seed = 1; seed <= 200; seed++) {
      const broken = Buffer.from(archive);
      for (let i = 0; i < 3; i++) broken[(seed * 7919 + i * 104_729) % 700] = (seed * 31 + i) & 255;
      const found = await moduleOf(broken).catch((error: unknown) => error);
      expect(found instanceof PullError || found instanceof Uint8Array).toBe(true);
    }
  });
});

function split(bytes: Buffer): Buffer[] {
  return [bytes.subarray(0, 300), bytes.subarray(300)];
}

function gzipPart(part: Buffer): Buffer {
  return gzipSync(part);
}

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 6]! ^= 0xff;
  return copy;
}
