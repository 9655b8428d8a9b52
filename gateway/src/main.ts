import { Argument, Command, Option } from 'commander';
import { addPluginCommands } from './cli/plugin-commands.ts';
import { packageVersion } from './cli/version.ts';
import { SCHEMA_KINDS, type SchemaKind, schemaText } from './cli/schema.ts';
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
    const { run } = await import('./cli/run.ts');
    const printError = (line: string): void => console.error(line);
    process.exit(await run({ config, logLevel, env: process.env, version, printError }, process));
  });

program
  .command('check')
  .description('check gateway.yaml and all tenant files; exit code 1 when there is a problem')
  .requiredOption('-c, --config <file>', 'gateway.yaml')
  .option('--json', 'print one JSON object')
  .action(async ({ config, json = false }: { config: string; json?: boolean }) => {
    const { check } = await import('./cli/check.ts');
    process.exitCode = await check({ config, json, env: process.env, print: (line) => console.log(line) });
  });

interface ExplainFlags {
  config: string;
  header: string[];
  clientIp: string;
  json?: boolean;
  admin?: string;
}

program
  .command('explain')
  .description('say what would become of a request: tenant, route, lane, plugins, upstream; nothing is sent')
  .usage("-c <file> [method] <url> [-H 'name: value' ...] [options]")
  .argument('<request...>', '[method] and URL; as with curl, a Host header stands in for the host of the URL')
  .requiredOption('-c, --config <file>', 'gateway.yaml')
  .option('-H, --header <line>', "a header 'name: value'; may be repeated", collect, [])
  .option('--client-ip <address>', 'address of the peer', '127.0.0.1')
  .option('--admin <url>', 'ask the running gateway for the live endpoints, such as http://127.0.0.1:9901')
  .option('--json', 'print one JSON object')
  .action(async (words: string[], { header, ...flags }: ExplainFlags) => {
    const { explain } = await import('./cli/explain.ts');
    process.exitCode = await explain({
      ...flags,
      words,
      headers: header,
      env: process.env,
      print: (line) => console.log(line),
      printError: (line) => console.error(line),
    });
  });

program
  .command('health')
  .description('ask a running gateway whether it lives; exit code 1 when it does not')
  .option('--admin <url>', 'origin of its admin API', 'http://127.0.0.1:9901')
  .option('--ready', 'ask whether it is ready for traffic')
  .action(async ({ admin, ready = false }: { admin: string; ready?: boolean }) => {
    const { health } = await import('./cli/health.ts');
    process.exitCode = await health({
      admin,
      ready,
      print: (line) => console.log(line),
      printError: (line) => console.error(line),
    });
  });

program
  .command('schema')
  .description('print the JSON Schema of a configuration file, for editors')
  .addArgument(new Argument('<file>', 'which file').choices(SCHEMA_KINDS))
  .action((kind: SchemaKind) => console.log(schemaText(kind)));

addPluginCommands(program, process);

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

await program.parseAsync();
