import { readFileSync } from 'node:fs';
import type { PreparedModule } from '../../gateway/src/wasm/module.ts';
import type { Plugin } from '../../gateway/src/wasm/plugin.ts';
import { instrument } from './instances.ts';
import { exchange, filtersOf, started } from './plugin-rig.ts';

const INSTANCES = 100;
const PAGE = 4096;
const KIB = 1024;

/** KiB for one started plugin: its linear memory, and what the process needs besides. */
export interface InstanceMemory {
  readonly own: number;
  readonly beyond: number;
}

/**
 * What an instance takes that has served an exchange. All of its linear memory is touched, so that nothing of it can
 * hide what stands beside it.
 */
export function instanceMemory(module: PreparedModule, configuration: string): InstanceMemory {
  const memories: WebAssembly.Memory[] = [];
  const end = instrument((instance) => {
    memories.push(instance.exports['memory'] as WebAssembly.Memory);
    return instance;
  });
  // The first pays for what all share.
  const plugins: Plugin[] = [start(module, configuration)];
  touch(memories.splice(0));
  const before = resident();
  for (let i = 0; i < INSTANCES; i++) plugins.push(start(module, configuration));
  touch(memories);
  const own = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) / INSTANCES;
  const all = (resident() - before) / INSTANCES;
  for (const plugin of plugins) plugin.close();
  end();
  return { own: own / KIB, beyond: (all - own) / KIB };
}

function start(module: PreparedModule, configuration: string): Plugin {
  const plugin = started(module, configuration);
  exchange(filtersOf(plugin));
  return plugin;
}

function touch(memories: readonly WebAssembly.Memory[]): void {
  for (const { buffer } of memories) {
    const bytes = new Uint8Array(buffer);
    // What is only read stays a page of zeroes that all processes share.
    for (let at = 0; at < bytes.length; at += PAGE) {
      const kept = bytes[at]!;
      bytes[at] = kept;
    }
  }
}

/** In bytes, after garbage is gone. */
function resident(): number {
  globalThis.gc!();
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * KIB;
}
