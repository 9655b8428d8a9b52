import { describe, expect, it } from 'vitest';
import { parseChallenges } from './oci-challenge.ts';

const plain = (header: string | string[] | undefined) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('challenges of a server', () => {
  it.each<[string | string[] | undefined, unknown[]]>([
    [undefined, []],
    ['', []],
    ['Basic', [['basic', {}]]],
    ['Basic realm="a b"', [['basic', { realm: 'a b' }]]],
    [
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      [
        [
          'bearer',
          { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a/b:pull,push' },
        ],
      ],
    ],
    ['BEARER Realm = token , x=1', [['bearer', { realm: 'token', x: '1' }]]],
    [
      'Negotiate, Basic realm="r", charset=utf-8',
      [
        ['negotiate', {}],
        ['basic', { realm: 'r', charset: 'utf-8' }],
      ],
    ],
    [
      ['Bearer a=1', 'Basic b="2"'],
      [
        ['bearer', { a: '1' }],
        ['basic', { b: '2' }],
      ],
    ],
    ['Basic realm="a \\"quoted\\" one"', [['basic', { realm: 'a "quoted" one' }]]],
    ['Bearer realm="never ends', [['bearer', {}]]],
    ['"; Basic', []],
    ['realm="no scheme"', []],
  ])('%j', (header, expected) => {
    expect(plain(header)).toEqual(expected);
  });

  it('take no time even where they are made to', () => {
    const hostile = `Bearer ${'a="\\"'.repeat(4000)} ${', '.repeat(4000)}`;
    expect(plain(hostile).length).toBeLessThan(3);
  });
});
