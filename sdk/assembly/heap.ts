import { __alloc, __free, __realloc } from 'rt/tlsf';

/**
 * When garbage is collected: between callbacks, once the heap has doubled since the last time.
 *
 * Between two callbacks no frame of the plugin is on the stack, so the collector needs to know the globals only. That makes
 * the stack bookkeeping of AssemblyScript's incremental runtime unnecessary, which is a third of a module's size. The price:
 * what one callback leaves behind has to fit into the plugin's memory. The three functions below stand in for those of the
 * allocator (`use` in asconfig.json) and count bytes.
 */

/** Less than this is not worth a look: a fresh module's memory is one page of 64 KiB. */
const SMALLEST_LIMIT: usize = 24 * 1024;

/** What `ASC_RUNTIME` is with `"runtime": "minimal"`. */
const MINIMAL = 1;

let used: usize = 0;
let limit: usize = SMALLEST_LIMIT;

/** Size of an allocated block: the word before it, less two flag bits. */
// @ts-ignore: decorator
@inline
function sizeOf(block: usize): usize {
  return load<usize>(block - sizeof<usize>()) & ~3;
}

export function countedAlloc(size: usize): usize {
  const block = __alloc(size);
  used += sizeOf(block);
  return block;
}

export function countedRealloc(old: usize, size: usize): usize {
  const before = old < __heap_base ? <usize>0 : sizeOf(old);
  const block = __realloc(old, size);
  used += sizeOf(block) - before;
  return block;
}

export function countedFree(block: usize): void {
  if (block < __heap_base) return;
  used -= sizeOf(block);
  __free(block);
}

/** @internal Bytes of all blocks in use, garbage included; for measurements. */
export function usedBytes(): usize {
  return used;
}

/** False in a module that was compiled without the SDK's options: it would never free anything. */
export function isCounting(): bool {
  if (ASC_RUNTIME != MINIMAL) ERROR('compile with the asconfig.json of @sluice/plugin-sdk');
  return used > 0;
}

/** Collects when it is time to. Only with no frame of the plugin on the stack. */
export function collectWhenDue(): void {
  if (used < limit) return;
  __collect();
  limit = max(SMALLEST_LIMIT, used << 1);
}
