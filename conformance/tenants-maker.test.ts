import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseTenant } from '../gateway/src/config/parse-tenant.ts';
import { type MadeTenants, tenantDomain, tenantText, writeTenant, writeTenants } from './tenants-maker.ts';

const MADE: MadeTenants = { tenants: 3, routes: 25, plugins: ['key-auth', 'headers'], secret: 'app-key' };
const gateway = {
  plugins: [{ name: 'key-auth' }, { name: 'headers' }],
  registries: {},
  secrets: { directory: '/none' },
};
const readSecret = () => 'value';

describe('made tenants', () => {
  it.each<[string, MadeTenants]>([
    ['with plugins', MADE],
    ['plain', { tenants: 1, routes: 4 }],
  ])('are valid: %s', (_, made) => {
    const { config, problems } = parseTenant('t.yaml', tenantText(2, made), { gateway, readSecret });
    expect(problems).toEqual([]);
    expect(config?.routes).toHaveLength(made.routes);
    expect(config?.domains[0]).toBe(tenantDomain(2));
  });

  it('differ by revision and are otherwise always the same', () => {
    expect(tenantText(1, MADE, 4)).toBe(tenantText(1, MADE, 4));
    const perTry = (revision: number) =>
      parseTenant('t.yaml', tenantText(1, MADE, revision), { gateway, readSecret }).config?.routes[0]?.timeouts.perTry;
    expect([perTry(0), perTry(7)]).toEqual([1000, 1007]);
  });

  it('are written to a directory', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-made-'));
    try {
      await writeTenants(join(directory, 'tenants'), MADE);
      await writeTenant(join(directory, 'tenants'), 1, MADE, 9);
      expect(readdirSync(join(directory, 'tenants'))).toEqual(['t0000.yaml', 't0001.yaml', 't0002.yaml']);
      expect(readFileSync(join(directory, 'tenants/t0001.yaml'), 'utf8')).toBe(tenantText(1, MADE, 9));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
