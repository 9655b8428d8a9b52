// npm run conformance [-- suite …]: runs the named suites, or all but those that run on demand.
import { join } from 'node:path';
import { abiSuite } from './abi/suite.ts';
import { imageSuite } from './image/suite.ts';
import { nacosFakeSuite, nacosSuite } from './nacos/suite.ts';
import { packagesSuite } from './packages/suite.ts';
import { portabilitySuite } from './portability/suite.ts';
import { redisSuite } from './redis/suite.ts';
import { reloadSuite } from './reload/suite.ts';
import { sandboxSuite } from './sandbox/suite.ts';
import { stormSuite } from './storm/suite.ts';
import { exitCode, runSuite, type Suite, type SuiteResult } from './suite.ts';

const suites: readonly Suite[] = [
  nacosSuite,
  nacosFakeSuite,
  packagesSuite,
  abiSuite,
  imageSuite,
  stormSuite,
  reloadSuite,
  redisSuite,
  portabilitySuite,
  sandboxSuite,
];

const named = process.argv.slice(2);
const unknown = named.filter((name) => suites.every((suite) => suite.name !== name));
if (unknown.length > 0) {
  console.error(`no suite named ${unknown.join(', ')}; there are: ${suites.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
// Processes that suites started end with this one, by their exit hooks; a signal alone would not run those.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const chosen = suites.filter(({ name, onDemand }) => (named.length > 0 ? named.includes(name) : onDemand !== true));
const results: SuiteResult[] = [];
for (const suite of chosen) {
  results.push(await runSuite(suite, join(import.meta.dirname, 'results'), (line) => console.log(line)));
}
process.exit(exitCode(results, process.env['CI'] === 'true'));
