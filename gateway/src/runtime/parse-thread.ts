import { parentPort, workerData } from 'node:worker_threads';
import { draftTenant } from '../config/parse-tenant.ts';
import type { TenantSurroundings } from '../config/tenant-rules.ts';
import type { ParseAnswer, ToParseThread } from './parse-helper.ts';
import { resultOf } from './parse-result.ts';

// The YAML parser looks a variable up for every token. Where the environment is a plain object, that costs nothing,
// where it is the real one, a quarter of the parsing.
process.env = {};

// The entry of a thread that parses tenant files, one at a time: a request is sent when the last one is answered.
let gateway = workerData as TenantSurroundings;
parentPort!.on('message', (message: ToParseThread) => {
  if ('surroundings' in message) {
    gateway = message.surroundings;
    return;
  }
  const { file, text } = message;
  const result = resultOf(draftTenant(file, text, { gateway }), text);
  parentPort!.postMessage({ kind: 'result', result } satisfies ParseAnswer);
});
parentPort!.postMessage({ kind: 'ready' } satisfies ParseAnswer);
