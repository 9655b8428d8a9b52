import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
const page = readFileSync(`${ROOT}/docs/cli.md`, 'utf8');

/** Runs the program as a shell would. */
function sluice(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${ROOT}/gateway/src/main.ts`, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function optionsOf(help: string): string[] {
  return [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name = '']) => name).filter((n) => n !== '--help');
}

function sectionOf(command: string): string {
  const start = page.indexOf(`## sluice ${command}\n`);
  const end = page.indexOf('\n## ', start);
  return start === -1 ? '' : page.slice(start, end === -1 ? undefined : end);
}

describe('docs/cli.md', () => {
  const commandsOf = (...group: readonly string[]): string[] =>
    [...sluice(...group, '--help').stdout.matchAll(/^ {2}(\w+)(?: .*\S)? {2,}\S/gm)]
      .map(([, name = '']) => [...group, name].join(' '))
      .filter((name) => !name.endsWith('help'));
  const commands = commandsOf().flatMap((name) => (name === 'plugin' ? commandsOf('plugin') : name));

  it('has every command', () => {
    expect(commands.toSorted()).toEqual(
      [...page.matchAll(/^## sluice ([\w ]+)$/gm)].map(([, name = '']) => name).sort(),
    );
    expect(commands).toEqual(expect.arrayContaining(['explain', 'plugin inspect']));
  });

  it.each(commands)('has every option of %s', (command) => {
    const documented = [...sectionOf(command).matchAll(/^\| (?:`-\w`, )?`(--[\w-]+)/gm)].map(([, name = '']) => name);
    expect(documented.sort()).toEqual(optionsOf(sluice(...command.split(' '), '--help').stdout).sort());
  });

  it('shows what its example prints', () => {
    const [, example = ''] = /```text explain\n([^]*?)```/.exec(page) ?? [];
    const url = 'https://app.home.example.com/device/1';
    const config = 'examples/quickstart/gateway.yaml';
    const { status, stdout } = sluice('explain', '-c', config, url, '-H', 'x-device-model: cam-2');
    expect({ status, stdout }).toEqual({ status: 0, stdout: example });
  });

  const config = 'examples/quickstart/gateway.yaml';
  it.each<[status: number, ...args: string[]]>([
    [0, 'check', '-c', config],
    [1, 'check', '-c', 'missing.yaml'],
    [1, 'check', '-c', config, '--verbose'],
    [1, 'nothing-like-it'],
    [1, 'run', '-c', 'missing.yaml'],
    [0, 'schema', 'tenant'],
    [1, 'schema', 'else'],
    [1, 'health', '--admin', 'http://127.0.0.1:1'],
    [1, 'explain', '-c', config],
    [1, 'plugin', 'new', 'Not_A_Name'],
    [1, 'plugin', 'build', 'docs'],
    [1, 'plugin', 'test', '--folder', 'docs', '-t', 'name'],
    [1, 'plugin', 'dev', 'docs'],
    [1, 'plugin', 'run', 'missing.wasm'],
    [2, 'plugin', 'run', 'README.md'],
    [1, 'plugin', 'inspect', 'missing.wasm'],
    [1, 'plugin', 'inspect'],
    [2, 'plugin', 'inspect', 'README.md'],
    [2, 'explain', '-c', config, 'HEAD', '/nowhere', '-H', 'Host: app.home.example.com'],
  ])('has the exit codes: %d of sluice %s', (status, ...args) => {
    expect(sluice(...args).status).toBe(status);
  });
});
