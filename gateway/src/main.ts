import { Command, Option } from 'commander';
import { check } from './cli/check.ts';
import { packageVersion, run } from './cli/run.ts';
import type { LogLevel } from './telemetry/process-log.ts';

const version = await packageVersion();
const program = new Command('sluice')
  .description('Cloud-native API gateway: discovery from Nacos, tenants, release lanes, sandboxed plugins')
  .version(version, '--version', 'print the version')
  .helpOption('--help', 'print this help')
  .showHelpAfterError();

program
  .command('run')
  .description('serve until SIGTERM or SIGINT, then drain')
  .requiredOption('-c, --config <file>', 'gateway.yaml')
  .addOption(
    new Option('--log-level <level>', 'least level of the process log')
      .choices(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info'),
  )
  .action(async ({ config, logLevel }: { config: string; logLevel: LogLevel }) => {
    const printError = (line: string): void => console.error(line);
    process.exit(await run({ config, logLevel, env: process.env, version, printError }, process));
  });

program
  .command('check')
  .description('check gateway.yaml and all tenant files; exit code 1 when there is a problem')
  .requiredOption('-c, --config <file>', 'gateway.yaml')
  .option('--json', 'print one JSON object')
  .action(async ({ config, json = false }: { config: string; json?: boolean }) => {
    process.exitCode = await check({ config, json, env: process.env, print: (line) => console.log(line) });
  });

await program.parseAsync();
