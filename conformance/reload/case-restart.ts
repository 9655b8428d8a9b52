// A restart finds a tenant's file broken, and serves what was accepted before.
import { startReadyGateway } from '../gateway.ts';
import type { CaseOutcome } from '../suite.ts';
import { tenantDomain, tenantName, tenantText } from '../tenants-maker.ts';
import { check, until } from '../until.ts';
import { REVISION_PATH, revisionRoute } from './editor.ts';
import { Files } from './files.ts';
import { WORKERS } from './world.ts';

const SECTIONS = { gateway: { workers: WORKERS, state: { directory: 'state' } }, tenants: {} };

export async function restartsWithLastGood(directory: string): Promise<CaseOutcome> {
  const files = new Files(directory);
  const text = (index: number, revision: number): string =>
    `${tenantText(index, { tenants: 2, routes: 10 }, revision)}${revisionRoute(revision)}`;
  for (const index of [0, 1]) files.writeTenant(tenantName(index), text(index, 1));
  const first = await startReadyGateway(directory, SECTIONS);
  files.writeTenant(tenantName(0), text(0, 2));
  const answer = (gateway: typeof first, index: number): Promise<string> =>
    gateway.get(REVISION_PATH, { host: tenantDomain(index) }).then(({ body }) => body);
  await until(
    'the change to be live',
    () => answer(first, 0),
    (body) => body === '2',
  );
  check((await first.stop()) === 0, 'exit code 0', 'another one');
  files.writeTenant(tenantName(0), text(0, 3).replace('\nroutes:', '\nrutes:'));
  files.writeTenant(tenantName(1), text(1, 3));
  const second = await startReadyGateway(directory, SECTIONS);
  const [broken, changed] = [await answer(second, 0), await answer(second, 1)];
  check(broken === '2', 'the last good version, 2', broken);
  check(changed === '3', 'the version that was written meanwhile, 3', changed);
  const { body } = await second.admin('/api/tenants');
  const [view] = (JSON.parse(body) as { tenants: { state: string; errors: string[] }[] }).tenants;
  check(view?.state === 'stale' && /rutes/.test(String(view.errors)), 'a stale tenant and the reason', view);
  files.writeTenant(tenantName(0), text(0, 4));
  await until(
    'the mended file to be live',
    () => answer(second, 0),
    (seen) => seen === '4',
  );
  check((await second.stop()) === 0, 'exit code 0', 'another one');
  return { detail: 'the last good version is served, told as stale, until the file is mended' };
}
