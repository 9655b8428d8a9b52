import { loadAll } from '../config/load.ts';
import type { Environment } from '../config/substitute.ts';
import { GatewayError } from '../core/errors.ts';
import { printProblems } from './check.ts';
import { explainExchange } from './explain-exchange.ts';
import { AdminError, adminOrigin, originRefused } from './admin-client.ts';
import { fetchServices, withLive } from './explain-live.ts';
import { exchangeOf, UsageError } from './explain-request.ts';
import { concealSecrets } from './explain-secrets.ts';
import { explanationLines } from './explain-text.ts';
import type { Explanation } from './explanation.ts';

export interface ExplainOptions {
  /** Path of `gateway.yaml`. */
  readonly config: string;
  /** `[METHOD] URL`; GET by default. */
  readonly words: readonly string[];
  /** `name: value` each. */
  readonly headers: readonly string[];
  /** Address of the peer. Default 127.0.0.1. */
  readonly clientIp?: string;
  /** One JSON object in place of lines. Default false. */
  readonly json?: boolean;
  /** Admin API of the running gateway, asked for the live endpoints. */
  readonly admin?: string;
  /** For `${VARIABLE}` in `gateway.yaml`. */
  readonly env: Environment;
  /** Takes the output, line by line, without line ends. */
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
}

const FAILED = 1;
const REFUSED = 2;

/**
 * `sluice explain`: says what the gateway would do with a request, from the files alone, and sends nothing to any
 * service. Resolves to the exit code: 0 when a route acts, 2 when the gateway itself would refuse the request, 1 when it
 * cannot be told.
 */
export async function explain(options: ExplainOptions): Promise<number> {
  try {
    return await explained(options);
  } catch (error) {
    if (error instanceof GatewayError) options.printError(`${error.code} ${error.message}`);
    else if (error instanceof UsageError) options.printError(error.message);
    else throw error;
    return FAILED;
  }
}

async function explained(options: ExplainOptions): Promise<number> {
  const { words, headers, clientIp = '127.0.0.1', json = false, env, print } = options;
  const origin = options.admin === undefined ? null : adminOrigin(options.admin);
  if (options.admin !== undefined && origin === null) throw new UsageError(originRefused(options.admin));
  const loaded = await loadAll(options.config, { env });
  const { gateway, tenants } = loaded;
  if (gateway === null || loaded.problems.length > 0) {
    printProblems(loaded, json, print);
    return FAILED;
  }
  const x = exchangeOf({ words, headers, clientIp, port: gateway.listeners[0]!.port });
  const offline = explainExchange(gateway, tenants, x);
  const services = origin === null ? null : await fetchServices(origin).catch(adminErrorOf);
  const explanation = services === null || services instanceof AdminError ? offline : withLive(offline, services);
  printExplanation(concealSecrets(explanation, gateway.secrets?.directory), json, print);
  if (services instanceof AdminError) {
    options.printError(services.message);
    return FAILED;
  }
  return explanation.refusal === null ? 0 : REFUSED;
}

/** What the files say is told all the same. */
function adminErrorOf(error: unknown): AdminError {
  if (error instanceof AdminError) return error;
  throw error;
}

function printExplanation(explanation: Explanation, json: boolean, print: ExplainOptions['print']): void {
  if (json) print(JSON.stringify(explanation, null, 2));
  else for (const line of explanationLines(explanation)) print(line);
}
