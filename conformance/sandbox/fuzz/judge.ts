// Whether the gateway can do with a module, whatever it is: refuse it in words, or run it within its bounds.
import { GatewayError } from '../../../gateway/src/core/errors.ts';
import type { PluginTestHost, TestResult } from '../../../gateway/src/testing/index.ts';
import { ModuleError } from '../../../gateway/src/wasm/binary.ts';
import { GuestAbort } from '../../../gateway/src/wasm/guest.ts';
import { TestClock } from '../../../gateway/src/testing/index.ts';
import { loadHostile, settle } from '../in-process.ts';

const MEMORY_MIB = 1;
/** For a module of a few KiB with 200 000 instructions a callback; a loaded machine takes its time. */
const LONGEST_MS = 10_000;
// oxlint-disable-next-line no-control-regex -- the point is to find control characters
const BREAKS_HEADS = /[\0\r\n]/;

export type Verdict = 'refused' | 'not started' | 'ran';

/** What became of a module. @throws Error when that may not be */
export async function judgeModule(bytes: Uint8Array): Promise<Verdict> {
  const started = performance.now();
  const verdict = await runModule(bytes);
  const took = performance.now() - started;
  if (took > LONGEST_MS) throw new Error(`it took ${Math.round(took)} ms`);
  for (const name in {}) throw new Error(`Object.prototype has ${name}`);
  return verdict;
}

async function runModule(bytes: Uint8Array): Promise<Verdict> {
  const clock = new TestClock();
  let host: PluginTestHost;
  try {
    host = await loadHostile(bytes, 'closed', { limits: { memoryMiB: MEMORY_MIB } }, clock);
  } catch (error) {
    return verdictOf(error);
  }
  for (let exchanges = 2; exchanges > 0; exchanges--) checkResult(await settle(host, clock));
  const { memoryBytes, fuel } = host.stats;
  if (memoryBytes > 2 * MEMORY_MIB * 1024 * 1024) throw new Error(`it has ${memoryBytes} bytes of memory`);
  if (!(fuel >= 0)) throw new Error(`it used ${fuel} instructions`);
  host.close();
  await clock.advance(60_000);
  return 'ran';
}

/** @throws the error when it is none that speaks of the module */
function verdictOf(error: unknown): Verdict {
  if (error instanceof GatewayError) {
    if (error.code === 'SLUICE_PLUGIN_INVALID' && error.cause instanceof ModuleError) return 'refused';
    if (error.code === 'SLUICE_PLUGIN_START_FAILED' && error.cause instanceof GuestAbort) return 'not started';
  }
  throw error;
}

/** What has left, to either side, is in order. */
function checkResult({ request, response }: TestResult): void {
  const heads = [request?.headers, request?.trailers, response?.headers, response?.trailers];
  for (const [name, value] of heads.flatMap((head) => Object.entries(head ?? {}))) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || BREAKS_HEADS.test(value)) {
      throw new Error(`a head has the field ${JSON.stringify([name, value])}`);
    }
  }
  if (request !== null && (!/^[!-~\x80-\xff]+$/.test(request.path) || !/^[!-~]+$/.test(request.method))) {
    throw new Error(`the request is ${JSON.stringify([request.method, request.path])}`);
  }
  if (response !== null && !(response.status >= 200 && response.status <= 999)) {
    throw new Error(`the response has the status ${response.status}`);
  }
}
