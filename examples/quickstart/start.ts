import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../gateway/src/cli/run.ts';
import { packageVersion } from '../../gateway/src/cli/version.ts';
import { displayPath } from '../../gateway/src/config/files.ts';
import type { GatewayProcess } from '../../gateway/src/server/gateway-process.ts';
import { buildPlugins } from '../../plugins/build.ts';
import { PluginCompileError } from '../../sdk/compile.ts';
import { DemoServiceError, startDemoServices } from './demo-services.ts';

// `npm start`: demo services and a gateway in one process. The gateway part is what `sluice run` does.

/** Where gateway.yaml, services.yaml and secrets/ are; default: this folder. */
const directory = resolve(process.argv[2] ?? import.meta.dirname);

/** Resolves when the gateway would get traffic from a load balancer. */
async function untilReady({ status }: GatewayProcess): Promise<void> {
  while (!status.draining && status.readiness().length > 0) await sleep(20);
}

function printWelcome({ listeners, admin }: GatewayProcess): void {
  const gateway = `http://127.0.0.1:${listeners[0]!.port}`;
  const adminApi = `http://127.0.0.1:${admin.port}`;
  const key = readFileSync(join(directory, 'secrets', 'demo-key'), 'utf8').trim();
  console.log(`
Sluice listens on ${gateway}, its admin API on ${adminApi}. Ctrl-C ends it. In another terminal:

curl -H 'Host: app.home.example.com' ${gateway}/device/status   # 200, lane baseline
curl -H 'Host: app.home.example.com' -H 'x-device-model: cam-2' ${gateway}/device/status   # 200, lane gray
curl ${gateway}/account/me   # 401, the key is missing
curl -H 'x-api-key: ${key}' ${gateway}/account/me   # 200
curl -H 'Host: nobody.example.com' ${gateway}/   # 404, no tenant has this domain
curl ${adminApi}/readyz   # 200
curl ${adminApi}/metrics   # 200

Then edit ${displayPath(join(directory, 'tenants', 'smart-home.yaml'))} and see the next request follow. The access log:
`);
}

async function main(): Promise<number> {
  console.log('Building the plugins, if they have changed …');
  try {
    await buildPlugins();
    await startDemoServices(join(directory, 'services.yaml'));
  } catch (error) {
    if (!(error instanceof PluginCompileError || error instanceof DemoServiceError)) throw error;
    console.error(error.message);
    return 1;
  }
  return run(
    {
      config: join(directory, 'gateway.yaml'),
      env: process.env,
      version: await packageVersion(),
      logLevel: 'warn',
      printError: (line) => console.error(line),
      onStarted: (gateway) => void untilReady(gateway).then(() => printWelcome(gateway)),
    },
    process,
  );
}

process.exit(await main());
