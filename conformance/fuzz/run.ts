// npm run fuzz [-- --seconds N] [--seed N]: compares the gateway's HTTP/1.1 parsers with Node's on generated messages, and the
// SDK's JSON reader with JavaScript's on generated documents.
import { parseArgs } from 'node:util';
import { compare, damaged, generated } from '../../sdk/test/json-fuzz.ts';
import { loadJsonReader } from '../../sdk/test/json-guest.ts';
import { generate, Judge, keep } from './inputs.ts';
import { Random } from './random.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const seed = Number(values.seed);
const deadline = performance.now() + Number(values.seconds) * 1000;
const random = new Random(seed);
const judge = new Judge();
const readJson = await loadJsonReader();
const counts = { requests: 0, GET: 0, HEAD: 0 };
let failures = 0;
while (performance.now() < deadline && failures < 20) {
  compare(readJson, random.chance(20) ? generated(random) : damaged(random));
  const input = generate(random);
  counts[input.kind]++;
  const found = await judge.judge(input);
  if (found === '') continue;
  failures++;
  console.log(`${keep(input)}: ${found}\n  ${JSON.stringify(input.bytes)}`);
}
const { requests, GET, HEAD } = counts;
console.log(
  `seed ${seed}: ${requests} inputs of requests, ${GET + HEAD} of responses, as many documents, ${failures} disagreements`,
);
process.exit(failures === 0 ? 0 : 1);
