import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Static, Type } from 'typebox';
import { askAdminFor } from './admin-client.ts';

/** What of `/api/plugins` is read. */
const Answer = Type.Object({
  modules: Type.Array(
    Type.Object({ plugin: Type.String(), source: Type.String(), digest: Type.String(), error: Type.String() }),
  ),
});
type ModuleStatus = Static<typeof Answer>['modules'][number];

/** A module that a running gateway should take over. */
export interface WantedModule {
  /** Hexadecimal SHA-256. */
  readonly digest: string;
  /** Its file: the gateway's plugins that come from it are looked at. */
  readonly path: string;
  /** Name in the catalogue, in place of those that come from `path`. */
  readonly plugin: string | undefined;
}

export interface Takeover {
  readonly inUse: boolean;
  /** Why not; '' when it is. */
  readonly reason: string;
}

/** A gateway looks at its files every 10 s even when nothing told it. */
const PATIENCE_MS = 15_000;
/** A reason that stood there before may be of an older module; after this long it is of the new one. */
const OLD_REASON_MS = 3_000;
const POLL_MS = 100;

/**
 * Waits until the gateway with this admin API uses a module, or says why it does not.
 * @throws AdminError when it does not answer
 */
export async function awaitTakeover(origin: string, wanted: WantedModule, signal: AbortSignal): Promise<Takeover> {
  const start = performance.now();
  let former: string | null = null;
  for (;;) {
    const modules = await modulesOf(origin);
    const ours = modules.filter((module) => isMeant(module, wanted));
    if (ours.length === 0) return { inUse: false, reason: absence(modules, wanted) };
    if (ours.every(({ digest, error }) => digest === wanted.digest && error === '')) return { inUse: true, reason: '' };
    const reason = ours.find(({ error }) => error !== '')?.error ?? '';
    former ??= reason;
    const waited = performance.now() - start;
    if (reason !== '' && (reason !== former || waited > OLD_REASON_MS)) return { inUse: false, reason };
    if (waited > PATIENCE_MS || signal.aborted) return { inUse: false, reason: overdue(ours, wanted) };
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

async function modulesOf(origin: string): Promise<readonly ModuleStatus[]> {
  return (await askAdminFor(origin, '/api/plugins', Answer)).modules;
}

function isMeant({ plugin, source }: ModuleStatus, wanted: WantedModule): boolean {
  return wanted.plugin === undefined ? realPath(source) === realPath(wanted.path) : plugin === wanted.plugin;
}

function absence(modules: readonly ModuleStatus[], { plugin, path }: WantedModule): string {
  const there = modules.map((module) => `${module.plugin} (${module.source})`).join(', ') || 'no plugin';
  if (plugin !== undefined) return `its catalogue has no plugin ${plugin}, but ${there}`;
  return `none of its plugins comes from this file; let one have source: "file:${path}", or name it with --plugin. Its catalogue has ${there}`;
}

function overdue(modules: readonly ModuleStatus[], { digest, path }: WantedModule): string {
  const other = modules.find((module) => module.digest !== digest);
  if (other === undefined || realPath(other.source) === realPath(path)) return 'it has not looked at the file yet';
  return `its plugin ${other.plugin} comes from ${other.source}, which is not the file that was built`;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
