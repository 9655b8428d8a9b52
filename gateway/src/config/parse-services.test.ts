import { describe, expect, it } from 'vitest';
import { parseServicesFile, readServicesFile } from './parse-services.ts';
import { formatProblem } from './problem.ts';

describe('parseServicesFile', () => {
  it('reads endpoints with their defaults', () => {
    const text = `services:
  device:
    group: G
    endpoints:
      - { address: "127.0.0.1:9001" }
      - { address: "[::1]:9002", weight: 0.5, healthy: false, cluster: c, metadata: { version: v2 } }
  idle: { endpoints: [] }
`;
    const { services, problems } = parseServicesFile('s.yaml', text);
    expect(problems).toEqual([]);
    expect(services!.get('device')).toEqual({
      group: 'G',
      endpoints: [
        { address: '127.0.0.1', port: 9001, weight: 1, healthy: true, cluster: '', metadata: {} },
        { address: '::1', port: 9002, weight: 0.5, healthy: false, cluster: 'c', metadata: { version: 'v2' } },
      ],
    });
    expect(services!.get('idle')!.endpoints).toEqual([]);
  });

  it.each([
    ['services: { a: {} }', 's.yaml:1:16 services.a: the key endpoints is missing'],
    [
      'services: { a: { endpoints: [{ address: "h:0" }] } }',
      's.yaml:1:41 services.a.endpoints[0].address: "h:0" has no port',
    ],
    ['services: { "a b": { endpoints: [] } }', 's.yaml:1:13 services["a b"]: "a b" cannot be a name here'],
    [
      'services: { a: { endpoints: [{ address: "h:1" }, { address: "H:1" }] } }',
      's.yaml:1:61 services.a.endpoints[1].address: the address "h:1" is there twice',
    ],
    ['servces: {}', 's.yaml:1:1 servces: unknown key — did you mean services?'],
  ])('refuses %s', (text, line) => {
    const { services, problems } = parseServicesFile('s.yaml', text);
    expect(services).toBeNull();
    expect(problems.map(formatProblem)).toEqual([expect.stringContaining(line)]);
    expect(() => readServicesFile('s.yaml', text)).toThrow(line);
  });
});
