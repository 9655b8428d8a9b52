// Thousands of modules that nobody meant to write.
import type { CaseOutcome } from '../suite.ts';
import { check } from '../until.ts';
import { fuzzModules } from './fuzz/fuzz.ts';

/** `node conformance/sandbox/fuzz/run.ts` takes any number. */
const MODULES = 20_000;
/** Of a process that has judged half of them. */
const HEAP_BOUND_MIB = 200;

export async function survivesFuzzing(): Promise<CaseOutcome> {
  const seed = Number(process.env['SLUICE_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  const { verdicts, findings, heapMiB, rssMiB } = await fuzzModules(seed, MODULES, () => {});
  check(findings.length === 0, `no finding among ${MODULES} modules of seed ${seed}`, findings.join('\n'));
  const measured = {
    seed,
    refused: verdicts.refused,
    notStarted: verdicts['not started'],
    ran: verdicts.ran,
    heapMiB,
    rssMiB,
  };
  check(heapMiB < HEAP_BOUND_MIB, `a heap below ${HEAP_BOUND_MIB} MiB`, measured);
  return { detail: `${MODULES} modules, each refused in words or run within its bounds`, measured };
}
