// node conformance/sandbox/fuzz/run.ts [--modules N] [--seed N]: gives the plugin host modules that nobody meant to write.
import { parseArgs } from 'node:util';
import { fuzzModules } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    modules: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const outcome = await fuzzModules(Number(values.seed), Number(values.modules), (line) => console.log(line));
console.log(JSON.stringify(outcome));
process.exit(outcome.findings.length === 0 ? 0 : 1);
