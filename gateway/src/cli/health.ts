import { AdminError, adminOrigin, askAdmin, originRefused } from './admin-client.ts';

export interface HealthOptions {
  /** Origin of the admin API. */
  readonly admin: string;
  /** Ask whether it is ready for traffic, not only whether it lives. */
  readonly ready: boolean;
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
}

/** A probe that waits longer is ended by whoever runs it, without a word. */
const TIMEOUT_MS = 2_500;

/** `sluice health`: asks a running gateway how it is. Resolves to the exit code: 0 for a good answer, else 1. */
export async function health({ admin, ready, print, printError }: HealthOptions): Promise<number> {
  const origin = adminOrigin(admin);
  if (origin === null) {
    printError(originRefused(admin));
    return 1;
  }
  try {
    const { status, text } = await askAdmin(origin, ready ? '/readyz' : '/healthz', TIMEOUT_MS);
    print(text);
    return status === 200 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    printError(error.message);
    return 1;
  }
}
