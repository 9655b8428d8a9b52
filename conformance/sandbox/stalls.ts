// How long the loops of the workers stood still, by what was done meanwhile.
import type { SandboxWorld } from './world.ts';

/** In place of an attack's name: several tenants come at once. */
export const NEW_TENANTS = 'new tenants';

export interface Stall {
  readonly name: string;
  /** CPU time of a worker between two turns of its loop, and time by the clock. */
  readonly workMs: number;
  readonly wallMs: number;
}

export class Stalls {
  readonly #world: SandboxWorld;
  readonly #all: Stall[] = [];

  constructor(world: SandboxWorld) {
    this.#world = world;
  }

  /** Begins anew. */
  async skip(): Promise<void> {
    await this.#world.probe.loops();
  }

  /** What has been since the last call. */
  async note(name: string): Promise<void> {
    const loops = Object.values(await this.#world.probe.loops());
    const workMs = Math.max(...loops.map(({ workMax }) => workMax));
    const wallMs = Math.max(...loops.map(({ wallMax }) => wallMax));
    this.#all.push({ name, workMs: Math.round(workMs), wallMs: Math.round(wallMs) });
  }

  /** The longest of the attacks first. */
  worst(): readonly Stall[] {
    const attacks = this.#all.filter(({ name }) => name !== NEW_TENANTS);
    return attacks.toSorted((a, b) => b.workMs - a.workMs).slice(0, 5);
  }

  /** Work of a loop while tenants came. */
  get newTenantsMs(): number {
    return Math.max(...this.#all.filter(({ name }) => name === NEW_TENANTS).map(({ workMs }) => workMs));
  }
}
