/** Why a module could not be fetched. */
export class PullError extends Error {
  /** An answer came, and it is not what it must be: asking again soon would get the same. */
  readonly refused: boolean;

  /** @param reason in words; without credentials, and without what the server sent */
  constructor(reason: string, refused = false) {
    super(reason);
    this.refused = refused;
  }
}

/** What a failure of the network, TLS or time means in words. */
export function pullError(error: unknown, host: string, timeoutMs: number): PullError {
  if (error instanceof PullError) return error;
  const { name, code = '', message } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError') return new PullError(`${host} took longer than ${timeoutMs} ms`);
  if (name === 'AbortError') return new PullError('the gateway asks no longer');
  const reason = code === '' ? message : message.includes(code) ? message : `${code}: ${message}`;
  const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ALTNAME/.test(code);
  return new PullError(untrusted ? `${host} is not trusted (${reason}); see pull.caFile` : `${host}: ${reason}`);
}
