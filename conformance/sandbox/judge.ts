// Whether what became of an attack is what may become of it.
import type { CrashCause } from '../../gateway/src/wasm/host.ts';
import { check } from '../until.ts';
import type { Attack, Policy, Seen } from './attack.ts';

/** What became of an attack under one policy. */
export interface Sighting {
  /** Why the module was not taken or did not start, '' when it runs. */
  readonly refusal: string;
  readonly answers: readonly Seen[];
  /** Failures by cause; those that are not there are 0. */
  readonly traps: Readonly<Partial<Record<CrashCause, number>>>;
  /** The gateway's own lines about failures of the plugin. */
  readonly failures: readonly FailureLine[];
}

export interface FailureLine {
  readonly callback: string;
  readonly cause: string;
  readonly message: string;
  readonly plugin: string;
  readonly tenant: string;
}

/** @throws Unmet */
export function judgeAttack({ name, expect }: Attack, policy: Policy, seen: Sighting): void {
  const { refusal, crash } = expect;
  if (refusal === undefined) check(seen.refusal === '', `${name} to run`, seen.refusal);
  else
    check(refusal.says.test(seen.refusal), `${name} to be refused: ${refusal.says.source}`, seen.refusal || 'it runs');
  const allowed = expect[policy];
  const strange = seen.answers.filter((answer) => !allowed.includes(answer));
  check(strange.length === 0, `${name} (${policy}) to be answered ${allowed.join(' or ')}`, {
    answers: seen.answers,
    failures: seen.failures.slice(-2),
  });
  const trapped = Object.entries(seen.traps).filter(([, count]) => count > 0);
  if (crash === undefined) {
    const mayFail = expect.closed.includes('SLUICE_PLUGIN_FAILED');
    check(mayFail || trapped.length === 0, `${name} not to fail`, {
      traps: seen.traps,
      failures: seen.failures.slice(-2),
    });
    return;
  }
  if (crash.atItsEnd === true && trapped.length === 0) return;
  const wanted = (cause: string): boolean => crash.causes.includes(cause as CrashCause);
  check(
    trapped.length > 0 && trapped.every(([cause]) => wanted(cause)),
    `${name} to fail by ${crash.causes.join(' or ')}`,
    seen.traps,
  );
  const line = seen.failures.find(({ callback, cause, message }) => {
    return callback === crash.callback && wanted(cause) && (crash.says?.test(message) ?? true);
  });
  check(
    line !== undefined,
    `the log to tell of ${crash.callback} of ${name} and ${crash.says?.source ?? 'its cause'}`,
    seen.failures,
  );
  check(line!.plugin !== '' && line!.tenant !== '', 'the log to name plugin and tenant', line);
}

/** From the fields of a log line. */
export function failureLine(fields: Readonly<Record<string, unknown>>, message: unknown): FailureLine {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const { callback, cause, plugin, tenant } = fields;
  return {
    callback: text(callback),
    cause: text(cause),
    plugin: text(plugin),
    tenant: text(tenant),
    message: text(message),
  };
}
