import { vi } from 'vitest';
import { releaseSharedData, SharedDataMemory } from './shared-data.ts';

/** Thrown in place of a write: the thread ends here. */
class Death extends Error {}

/** Arrays that die with their thread, by what stands for them. */
const targets = new WeakMap<object, Int32Array>();
/** Words of a fill that count as one write. */
const FILL_STEP = 61;
/** Writes that are left until the thread dies. */
let left = 0;

function write<T>(array: Int32Array, act: (real: Int32Array) => T): T {
  const real = targets.get(array);
  if (real === undefined) return act(array);
  if (left-- <= 0) throw new Death();
  return act(real);
}

/** Stands for an array: every write counts, and none gets through after the last. */
function mortal(real: Int32Array): Int32Array {
  const proxy: Int32Array = new Proxy(real, {
    get(_, name): unknown {
      if (name === 'fill') return fill;
      return Reflect.get(real, name, real);
    },
    set(_, name, value: number) {
      return write(proxy, () => Reflect.set(real, name, value, real));
    },
  });
  const fill = (value: number, start: number, end: number): void => {
    for (let i = start; i < end; i += FILL_STEP) {
      write(proxy, () => real.fill(value, i, Math.min(end, i + FILL_STEP)));
    }
  };
  targets.set(proxy, real);
  return proxy;
}

/** Puts `Atomics` in place that count writes too; to be undone with `vi.unstubAllGlobals`. */
export function stubAtomics(): void {
  const { load, store, add, exchange, compareExchange, notify } = Atomics;
  vi.stubGlobal('Atomics', {
    load: (array: Int32Array, i: number) => load(targets.get(array) ?? array, i),
    notify: (array: Int32Array, i: number, count: number) => notify(targets.get(array) ?? array, i, count),
    store: (array: Int32Array, i: number, value: number) => write(array, (real) => store(real, i, value)),
    add: (array: Int32Array, i: number, value: number) => write(array, (real) => add(real, i, value)),
    exchange: (array: Int32Array, i: number, value: number) => write(array, (real) => exchange(real, i, value)),
    compareExchange: (array: Int32Array, i: number, from: number, to: number) =>
      write(array, (real) => compareExchange(real, i, from, to)),
  });
}

/** No space is idle yet; and later, all are that nobody has come back to. */
export const EARLY = { seconds: () => 1000, idleSeconds: 60 };
export const LATE = { seconds: () => 1060, idleSeconds: 60 };

/** What a thread does with a store before it dies after so many writes. True: it was through before. */
export function dieAfter(
  writes: number,
  buffer: SharedArrayBuffer,
  owner: number,
  act: (store: SharedDataMemory) => void,
  options = EARLY,
): boolean {
  const real = globalThis.Int32Array;
  vi.stubGlobal('Int32Array', function (memory: SharedArrayBuffer) {
    return mortal(new real(memory));
  });
  const store = new SharedDataMemory(buffer, owner, options);
  vi.stubGlobal('Int32Array', real);
  left = writes;
  try {
    act(store);
    return true;
  } catch (error) {
    if (!(error instanceof Death)) throw error;
    return false;
  } finally {
    // What main does when it hears of it.
    releaseSharedData(buffer, owner);
  }
}

export function copyOf(buffer: SharedArrayBuffer): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return copy;
}
