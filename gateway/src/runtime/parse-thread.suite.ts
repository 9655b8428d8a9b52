import { existsSync, writeFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { deflateRawSync } from 'node:zlib';
import type { ParseAnswer, ParseRequest } from './parse-helper.ts';
import type { ParseResult } from './parse-result.ts';

// A parsing thread for tests: does to itself what the first line of a text says. What it makes of the rest is just
// enough for tests, so that it starts ten times as fast as the real one.
const tell = (answer: ParseAnswer) => parentPort!.postMessage(answer);
parentPort!.on('message', ({ text }: ParseRequest) => {
  const [, deed, mark] = /^# (\S+) ?(.*)/.exec(text) ?? [];
  if (deed === 'stall') for (;;);
  if (deed === 'wait') while (!existsSync(mark!));
  if (deed === 'throw') throw new Error('something broke');
  if (deed === 'exit') process.exit(3);
  if (deed === 'hoard') hoard();
  if (deed === 'throw-once' && !existsSync(mark!)) {
    writeFileSync(mark!, '');
    throw new Error('something broke once');
  }
  tell({ kind: 'result', result: outline(text) });
});
tell({ kind: 'ready' });

function outline(text: string): ParseResult {
  const [, tenant = ''] = /^tenant: (\S+)/m.exec(text) ?? [];
  const [, list = ''] = /^domains: \[(.*)\]/m.exec(text) ?? [];
  const domains = list.split(', ');
  const place = { line: 1, column: 1 };
  return {
    config: JSON.stringify({ tenant, domains }),
    secretPlaces: [],
    holdsSecrets: false,
    secretNames: [],
    secretsDigest: '',
    claims: { tenant: { name: tenant, ...place }, domains: domains.map((name, index) => ({ name, index, ...place })) },
    problems: [],
    salvaged: null,
    details: deflateRawSync(JSON.stringify({ text, redacted: { tenant, domains } })),
  };
}

/** Takes all the heap there is. */
function hoard(): never {
  const kept: number[][] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, () => kept.length));
}
