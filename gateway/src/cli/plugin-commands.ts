import type { Command } from 'commander';
import type { Output } from './output.ts';
import type { Signals } from './run.ts';

/** What the commands need of the process. */
export interface CommandProcess extends Signals {
  exitCode?: number | string | null | undefined;
  exit(code: number): never;
}

const OUTPUT: Output = { print: (line) => console.log(line), printError: (line) => console.error(line) };
const JSON_OPTION = ['--json', 'print one JSON object'] as const;

/** Adds `sluice plugin …`. What a command runs is loaded with it. */
export function addPluginCommands(program: Command, process: CommandProcess): void {
  const plugin = program.command('plugin').description('make, build, test, run and look at plugins');
  addNew(plugin, process);
  addBuild(plugin, process);
  addTest(plugin, process);
  addDev(plugin, process);
  addRun(plugin, process);
  addInspect(plugin, process);
}

function addNew(plugin: Command, process: CommandProcess): void {
  plugin
    .command('new')
    .description('make a folder with a plugin that works, its test and its settings')
    .argument('<name>', 'of the plugin: lower-case letters, digits and -')
    .argument('[folder]', 'to be made, or empty; default the name')
    .option(
      '--gateway <package>',
      'tarball, folder or version of @sluice/gateway; default where this program came from',
    )
    .option('--sdk <package>', 'the same of @sluice/plugin-sdk')
    .action(async (name: string, folder: string | undefined, flags: { gateway?: string; sdk?: string }) => {
      const { newPlugin } = await import('./plugin-new.ts');
      process.exitCode = await newPlugin({ ...OUTPUT, ...flags, name, ...(folder === undefined ? {} : { folder }) });
    });
}

function addBuild(plugin: Command, process: CommandProcess): void {
  plugin
    .command('build')
    .description('compile a plugin; exit code 2 when it does not compile')
    .argument('[folder]', 'of the plugin', '.')
    .option('--debug', 'keep the names of functions, for the stacks of traps')
    .option(...JSON_OPTION)
    .action(async (folder: string, flags: { debug?: boolean; json?: boolean }) => {
      const { buildPlugin } = await import('./plugin-build.ts');
      process.exitCode = await buildPlugin({ ...OUTPUT, ...flags, folder });
    });
}

function addTest(plugin: Command, process: CommandProcess): void {
  plugin
    .command('test')
    .description("build a plugin and run its tests with the vitest of its folder; exit code vitest's")
    .usage('[--folder <folder>] [arguments of vitest]')
    .argument('[arguments...]', 'for vitest, such as -t and words of a name')
    .option('--folder <folder>', 'of the plugin', '.')
    .allowUnknownOption()
    .action(async (args: string[], { folder }: { folder: string }) => {
      const { testPlugin } = await import('./plugin-test.ts');
      process.exitCode = await testPlugin({ ...OUTPUT, folder, args });
    });
}

interface DevFlags {
  admin?: string;
  plugin?: string;
  port?: string;
  service: string[];
}

function addDev(plugin: Command, process: CommandProcess): void {
  plugin
    .command('dev')
    .description('build a plugin whenever it changes, and bring it into a running gateway')
    .argument('[folder]', 'of the plugin', '.')
    .option('--port <port>', 'of the gateway that is started; default 8080, or a free one when that is taken')
    .option('--service <name=address>', 'a service that the plugin may call there; may be repeated', collect, [])
    .option('--admin <url>', 'of the admin API of a gateway that runs already, in place of starting one')
    .option('--plugin <name>', "in that gateway's catalogue; default the plugin whose source is the file that is built")
    .action(async (folder: string, { service, ...flags }: DevFlags) => {
      const { devPlugin } = await import('./plugin-dev.ts');
      process.exit(await devPlugin({ ...OUTPUT, ...flags, folder, services: service }, process));
    });
}

interface RunFlags {
  request: string;
  header: string[];
  body?: string;
  config?: string;
  responseStatus: string;
  responseHeader: string[];
  responseBody?: string;
  service: string[];
  json?: boolean;
}

function addRun(plugin: Command, process: CommandProcess): void {
  plugin
    .command('run')
    .description('run one exchange through a module; exit code 2 when the plugin fails')
    .argument('<file>', 'the .wasm file')
    .option('--request <line>', "method and path, such as 'POST /status', or a URL", '/')
    .option('-H, --header <line>', "a header 'name: value'; may be repeated", collect, [])
    .option('--body <text>', 'of the request; @file reads a file')
    .option('--config <json>', "the plugin's configuration: JSON, or a file with it; default {}")
    .option('--response-status <status>', 'what the upstream answers', '200')
    .option('--response-header <line>', 'a header of its answer; may be repeated', collect, [])
    .option('--response-body <text>', 'of its answer; @file reads a file')
    .option(
      '--service <name=status[:body]>',
      'what a service answers that the plugin calls; status reset breaks the connection, body @file reads a file; may be repeated',
      collect,
      [],
    )
    .option(...JSON_OPTION)
    .action(async (file: string, { header, responseHeader, service, ...flags }: RunFlags) => {
      const { runPlugin } = await import('./plugin-run.ts');
      const words = { headers: header, responseHeaders: responseHeader, services: service };
      process.exitCode = await runPlugin({
        body: undefined,
        responseBody: undefined,
        ...OUTPUT,
        ...flags,
        ...words,
        file,
      });
    });
}

function addInspect(plugin: Command, process: CommandProcess): void {
  plugin
    .command('inspect')
    .description('print what is in a module and what it would be refused for; exit code 2 when it would be')
    .argument('<file>', 'the .wasm file')
    .option(...JSON_OPTION)
    .action(async (file: string, { json = false }: { json?: boolean }) => {
      const { inspectPlugin } = await import('./plugin-inspect.ts');
      process.exitCode = await inspectPlugin({ ...OUTPUT, file, json });
    });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
