// npm run fuzz [-- --seconds N] [--seed N]: compares the gateway's HTTP/1.1 parser with Node's on generated requests.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { disagreement } from './differential.ts';
import { NodeReader } from './peers.ts';
import { Random } from './random.ts';
import { requestBytes } from './requests.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const seed = Number(values.seed);
const deadline = performance.now() + Number(values.seconds) * 1000;
const random = new Random(seed);
const node = new NodeReader();
let count = 0;
let failures = 0;
while (performance.now() < deadline) {
  const bytes = Buffer.from(requestBytes(random), 'latin1');
  const found = await disagreement(bytes, node).catch((error: unknown) => `crash: ${String(error)}`);
  count++;
  if (found === '') continue;
  failures++;
  const directory = join(import.meta.dirname, 'corpus');
  mkdirSync(directory, { recursive: true });
  const name = `${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.bin`;
  writeFileSync(join(directory, name), bytes);
  console.log(`${name}: ${found}\n  ${JSON.stringify(bytes.toString('latin1'))}`);
  if (failures >= 20) break;
}
console.log(`seed ${seed}: ${count} inputs, ${failures} disagreements`);
process.exit(failures === 0 ? 0 : 1);
