import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { LIMITS } from '../../core/limits.ts';
import { PullError } from './pull-error.ts';

const unpack = promisify(gunzip);

/** How the module is called in an archive. */
const MODULE = 'plugin.wasm';
const FILES: readonly string[] = ['File', 'OldFile', 'ContiguousFile'];

/**
 * The module of a layer, whatever its media type says: the layer itself, or `plugin.wasm` of an archive, packed or not.
 * Everything happens in memory, within bounds; nothing is written anywhere.
 * @throws PullError: there is none, or the archive is not one that anybody makes in good faith.
 */
export async function moduleOf(layer: Uint8Array): Promise<Uint8Array> {
  if (startsWith(layer, [0x00, 0x61, 0x73, 0x6d])) return layer;
  const archive = startsWith(layer, [0x1f, 0x8b]) ? await expand(layer) : layer;
  // The reader of archives would unpack these by itself, without our bounds.
  if (startsWith(archive, [0x1f, 0x8b]) || startsWith(archive, [0x28, 0xb5, 0x2f, 0xfd])) {
    throw new PullError('the layer is packed twice, or in another way than gzip', true);
  }
  return find(archive);
}

async function expand(layer: Uint8Array): Promise<Uint8Array> {
  try {
    return await unpack(layer, { maxOutputLength: LIMITS.pluginArchiveBytes });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const tooLarge = code === 'ERR_BUFFER_TOO_LARGE';
    const reason = tooLarge ? `has more than ${LIMITS.pluginArchiveBytes} bytes unpacked` : `is damaged (${message})`;
    throw new PullError(`the archive of the layer ${reason}`, true);
  }
}

function find(archive: Uint8Array): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const search = new Search();
  const refuse = (error: unknown): void => {
    const reason =
      error instanceof PullError ? error : new PullError(`the layer is no archive (${String(error)})`, true);
    reject(reason);
  };
  const parser = new Parser({
    strict: true,
    maxMetaEntrySize: LIMITS.ociManifestBytes,
    onReadEntry: (entry) => {
      try {
        search.take(entry);
      } catch (error) {
        refuse(error);
        entry.resume();
      }
    },
  });
  parser.on('error', refuse);
  parser.on('end', () => {
    try {
      resolve(search.found());
    } catch (error) {
      refuse(error);
    }
  });
  try {
    parser.end(Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength));
  } catch (error) {
    refuse(error);
  }
  return promise;
}

/** Looks through the entries of one archive. */
class Search {
  readonly #names: string[] = [];
  #files = 0;
  #chunks: Buffer[] | null = null;

  take(entry: ReadEntry): void {
    if (++this.#files > LIMITS.pluginArchiveFiles) {
      throw new PullError(`the archive has more than ${LIMITS.pluginArchiveFiles} files`, true);
    }
    const parts = entry.path.split(/[/\\]/);
    if (parts.includes('..') || parts[0] === '' || /^[A-Za-z]:/.test(entry.path)) {
      throw new PullError('the archive has a path that leads out of it', true);
    }
    const name = parts.filter((part) => part !== '.' && part !== '').join('/');
    if (this.#names.length < 8) this.#names.push(name.slice(0, 64));
    if (name === MODULE) this.#collect(entry);
    else entry.resume();
  }

  found(): Uint8Array {
    if (this.#chunks !== null) return Buffer.concat(this.#chunks);
    throw new PullError(`the archive has no ${MODULE}; it has ${this.#names.join(', ')}`, true);
  }

  #collect(entry: ReadEntry): void {
    if (!FILES.includes(entry.type)) throw new PullError(`${MODULE} of the archive is no file`, true);
    if (this.#chunks !== null) throw new PullError(`the archive has ${MODULE} twice`, true);
    if (entry.size > LIMITS.pluginModuleBytes) {
      throw new PullError(`${MODULE} has ${entry.size} bytes, more than ${LIMITS.pluginModuleBytes}`, true);
    }
    const chunks: Buffer[] = [];
    this.#chunks = chunks;
    entry.on('data', (chunk: Buffer) => void chunks.push(chunk));
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
