// Thousands of modules that nobody meant to write.
import type { CaseOutcome } from '../suite.ts';
import { check } from '../until.ts';
import { fuzzModules } from './fuzz/fuzz.ts';

/** `node conformance/sandbox/fuzz/run.ts` takes any number, of any seed. */
const MODULES = 20_000;
/** Always the same, so that a run says something about the code and not about chance. */
const SEED = 20_261;
/** Of a process that has judged half of them. */
const HEAP_BOUND_MIB = 200;

export async function survivesFuzzing(): Promise<CaseOutcome> {
  const { verdicts, findings, heapMiB, rssMiB } = await fuzzModules(SEED, MODULES, () => {});
  check(findings.length === 0, `no finding among ${MODULES} modules of seed ${SEED}`, findings.join('\n'));
  const measured = {
    seed: SEED,
    refused: verdicts.refused,
    notStarted: verdicts['not started'],
    ran: verdicts.ran,
    heapMiB,
    rssMiB,
  };
  check(heapMiB < HEAP_BOUND_MIB, `a heap below ${HEAP_BOUND_MIB} MiB`, measured);
  return { detail: `${MODULES} modules, each refused in words or run within its bounds`, measured };
}
