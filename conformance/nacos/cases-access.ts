// Who may ask Nacos, and for what.
import { join } from 'node:path';
import { type GatewayUnderTest, startGateway, startReadyGateway } from '../gateway.ts';
import type { CaseOutcome } from '../suite.ts';
import { check, until } from '../until.ts';
import { startUpstream } from '../upstream.ts';
import { checkNotReady } from './cases-outages.ts';
import type { NacosTarget } from './target.ts';
import { filesFor, HOST, tenantFile, type World } from './world.ts';

const LOGIN = { username: 'nacos', password: 'right-&-proper-100%' };
const WRONG = 'wr0ng-s3cret-passw0rd';

/** A server with password login: the right password serves, a wrong one is told clearly and not shown. */
export async function logsIn(world: World): Promise<CaseOutcome> {
  const directory = world.directory('login');
  const nacos = await world.options.startNacos({ auth: LOGIN, directory: join(directory, 'nacos') });
  const provider = nacos.provider();
  const upstream = await startUpstream('secured');
  const gateways: GatewayUnderTest[] = [];
  try {
    await provider.register({ service: 'secured', ip: '127.0.0.1', port: upstream.port });
    const tenants = { home: tenantFile('home', ['secured']) };
    const right = await startReadyGateway(join(directory, 'right'), filesFor(nacos.address, tenants, LOGIN));
    gateways.push(right);
    await until(
      '200 with the right password',
      () => right.get('/secured/a', HOST),
      ({ status }) => status === 200,
    );
    const login = { ...LOGIN, password: WRONG };
    const wrong = await startGateway(join(directory, 'wrong'), filesFor(nacos.address, tenants, login));
    gateways.push(wrong);
    const lastError = await checkRefused(wrong, nacos);
    return { detail: `200 with the right password; with a wrong one not ready: ${lastError}` };
  } finally {
    await Promise.all([...gateways.map((gateway) => gateway.stop()), upstream.kill()]);
    provider.kill();
    await provider.exited;
    await nacos.stop();
  }
}

async function checkRefused(gateway: GatewayUnderTest, { address }: NacosTarget): Promise<string> {
  await checkNotReady(gateway, 'secured');
  const { body } = await gateway.admin('/api/services');
  const { registries } = JSON.parse(body) as { registries: { registry: string; lastError: string }[] };
  const lastError = registries.find(({ registry }) => registry === 'nacos')?.lastError ?? '';
  const clear = lastError.includes(`login as nacos at ${address}`) && lastError.includes('password');
  check(clear, 'lastError to name login, user, server and the likely cause', lastError);
  for (const [place, text] of [
    ['the admin API', body],
    ['the process log', gateway.processLog()],
    ['/readyz', (await gateway.admin('/readyz')).body],
    ['/metrics', (await gateway.admin('/metrics')).body],
  ] as const) {
    check(!text.includes(WRONG), `no password in ${place}`, text);
  }
  return lastError;
}

/** One service name in two namespaces: each tenant gets its own. */
export function keepsNamespacesApart(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const namespaces = ['home-prod', 'home-test'];
    for (const namespace of namespaces) await world.nacos.createNamespace(namespace);
    const [prod] = await Promise.all(namespaces.map((namespace) => stage.instance({ service: 'shared', namespace })));
    const files = filesFor(world.nacos.address, {
      prod: tenantFile('prod', ['shared'], { namespace: 'home-prod' }),
      test: tenantFile('test', ['shared'], { namespace: 'home-test' }),
    });
    const gateway = await startReadyGateway(world.directory('namespaces'), files);
    try {
      const names = (tenant: string): Promise<string> => whoAnswers(gateway, tenant);
      await until(
        'both tenants served',
        () => Promise.all([names('prod'), names('test')]),
        (seen) => !seen.includes(''),
      );
      for (let i = 0; i < 20; i++) {
        const seen = [await names('prod'), await names('test')];
        check(seen[0] === 'baseline-1' && seen[1] === 'baseline-2', 'each tenant at its own instance', seen);
      }
      await prod!.deregister();
      await until(
        'prod to be without instance',
        () => names('prod'),
        (name) => name === '',
      );
      const other = await names('test');
      check(other === 'baseline-2', 'the other namespace untouched', other);
      return { detail: '20 rounds in two namespaces, then one emptied and the other untouched' };
    } finally {
      await gateway.stop();
    }
  });
}

async function whoAnswers(gateway: GatewayUnderTest, tenant: string): Promise<string> {
  const { status, body } = await gateway.get('/shared/a', { Host: `app.${tenant}.example.com` });
  return status === 200 ? (JSON.parse(body) as { name: string }).name : '';
}
