import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { BufferType, LogLevel, MapType, MetricType, Status, StreamType } from '../../gateway/src/wasm/abi.ts';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../assembly/types');
const SOURCE = readdirSync(FOLDER)
  .map((file) => readFileSync(join(FOLDER, file), 'utf8'))
  .join('\n');

/** Members of an enum of `assembly/types`, with their names as the gateway writes them. */
function numbersOf(name: string): Record<string, number> {
  const [, body = ''] = new RegExp(`export enum ${name} \\{([^}]*)\\}`).exec(SOURCE) ?? [];
  const members = [...body.matchAll(/(\w+) = (\d+)/g)];
  return Object.fromEntries(
    members.map(([, key = '', value]) => [key[0]?.toLowerCase() + key.slice(1), Number(value)]),
  );
}

it.each(Object.entries({ BufferType, LogLevel, MapType, MetricType, Status, StreamType }))(
  '%s has the numbers of the host',
  (name, numbers: Readonly<Record<string, number>>) => {
    const { last: _bound, ...host } = numbers;
    expect(numbersOf(name)).toMatchObject(host);
  },
);
