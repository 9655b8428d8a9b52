import { describe, expect, it } from 'vitest';
import { readOptions, subjectsOf } from './options.ts';
import { SCENARIOS } from './scenarios.ts';
import { REFERENCES, SUBJECTS } from './subjects/all.ts';

const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);

describe('options', () => {
  it('measures all scenarios with the subjects of each when nothing is asked for', () => {
    const options = readOptions([]);
    expect(options.scenarios).toBe(SCENARIOS);
    expect(names(subjectsOf(options.scenarios[0]!, options))).toEqual(
      expect.arrayContaining(['gateway', 'gateway+plugin', 'nginx', 'spring-cloud-gateway', 'floor', 'direct']),
    );
    expect(names(subjectsOf(options.scenarios[0]!, options))).not.toContain('gateway+10-plugins');
  });

  it('takes lists of scenarios and subjects', () => {
    const options = readOptions(['--scenario', 'get-64k,post-1k', '--subjects', 'nginx,spring-cloud-gateway']);
    expect(names(options.scenarios)).toEqual(['get-64k', 'post-1k']);
    expect(names(subjectsOf(options.scenarios[0]!, options))).toEqual(['nginx', 'spring-cloud-gateway']);
    expect(readOptions(['--scenario', 'all']).scenarios).toBe(SCENARIOS);
  });

  it.each([
    [['--scenario', 'get-2k'], /--scenario: there is no get-2k; there are: get-1k,/],
    [['--subjects', 'apache'], /--subjects: there is no apache; there are: gateway,/],
    [['--duration', '0'], /--duration 0: give a whole number/],
    [['--rounds', 'many'], /--rounds many: give a whole number/],
    [['--warm-up', '1.5'], /--warm-up 1.5: give a whole number/],
  ])('refuses %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });

  it('names subjects in scenarios and references that there are', () => {
    const known = names(SUBJECTS);
    for (const { subjects } of SCENARIOS) expect(known).toEqual(expect.arrayContaining([...subjects]));
    expect(known).toEqual(expect.arrayContaining(REFERENCES));
  });
});
