import { describe, expect, it } from 'vitest';
import { type Attack, POLICIES, type Policy } from './attack.ts';
import { corpus, families } from './corpus.ts';
import { runInProcess } from './in-process.ts';
import { judgeAttack } from './judge.ts';

/** Where the outcome depends on it, both. */
function policiesOf({ expect: { closed, open, refusal } }: Attack): readonly Policy[] {
  return refusal === undefined && closed.join() !== open.join() ? POLICIES : ['closed'];
}

describe.each(Object.keys(families))('attacks: %s', (family) => {
  const attacks = families[family]!.filter(({ needsGateway }) => needsGateway !== true);
  it.each(attacks.map((attack) => [attack.name, attack] as const))('%s', async (_name, attack) => {
    for (const policy of policiesOf(attack)) judgeAttack(attack, policy, await runInProcess(attack, policy));
  });
});

it('there are many, each with a name of its own that tenants and files may have', () => {
  const names = corpus.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,60}$/);
  expect(names.length).toBeGreaterThan(200);
});
