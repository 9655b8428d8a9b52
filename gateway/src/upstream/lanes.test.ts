import { describe, expect, it } from 'vitest';
import { lanesOf } from './lanes.ts';

const lanes = [
  { tag: 'gray', metadata: { version: 'v2' } },
  { tag: 'beta', metadata: null },
];

describe('lanesOf', () => {
  it.each<[string, Record<string, string>, string[], boolean]>([
    ['no metadata', {}, [], true],
    ['other metadata', { version: 'v1', zone: 'a' }, [], true],
    ['the mark of baseline', { 'opensergo.io/canary': '' }, [], true],
    ['the mark of a lane', { 'opensergo.io/canary-gray': 'gray' }, ['gray'], false],
    [
      'the marks of two lanes',
      { 'opensergo.io/canary-gray': 'gray', 'opensergo.io/canary-beta': 'beta' },
      ['gray', 'beta'],
      false,
    ],
    ['lane and baseline', { 'opensergo.io/canary-gray': 'gray', 'opensergo.io/canary': '' }, ['gray'], true],
    ['a lane nobody configured', { 'opensergo.io/canary-blue': 'blue' }, [], false],
    ['a mark with another value', { 'opensergo.io/canary-gray': 'blue' }, [], false],
    ['the older mark', { '__micro.service.env__': '[{"tag":"gray","priority":100}]' }, ['gray'], false],
    ['the older mark among others', { '__micro.service.env__': '[{"x":1},null,7,{"tag":"beta"}]' }, ['beta'], false],
    ['the older mark of a lane nobody configured', { '__micro.service.env__': '[{"tag":"blue"}]' }, [], false],
    ['the older mark of baseline', { '__micro.service.env__': '[{"tag":"base"}]' }, [], true],
    ['an older mark that nobody can read', { '__micro.service.env__': '[{"tag":' }, [], true],
    ['an older mark that is no list', { '__micro.service.env__': '{"tag":"gray"}' }, [], true],
    ['an older mark without tags', { '__micro.service.env__': '[]' }, [], true],
    ["the lane's own metadata", { version: 'v2', zone: 'a' }, ['gray'], false],
    ["the lane's own metadata and baseline", { version: 'v2', 'opensergo.io/canary': 'x' }, ['gray'], true],
    ['both kinds of mark once', { version: 'v2', 'opensergo.io/canary-gray': 'gray' }, ['gray'], false],
  ])('places an endpoint with %s', (_what, metadata, tags, baseline) => {
    expect(lanesOf(metadata, lanes)).toEqual({ tags, baseline });
  });

  it('takes an empty list of pairs for no rule', () => {
    expect(lanesOf({}, [{ tag: 'gray', metadata: {} }])).toEqual({ tags: [], baseline: true });
  });

  it('wants all pairs of a lane', () => {
    const lane = [{ tag: 'gray', metadata: { a: '1', b: '2' } }];
    expect(lanesOf({ a: '1' }, lane).tags).toEqual([]);
    expect(lanesOf({ a: '1', b: '2', c: '3' }, lane).tags).toEqual(['gray']);
  });
});
