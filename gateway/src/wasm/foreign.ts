import { deflateSync, inflateSync } from 'node:zlib';
import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { readProtobuf } from './protobuf.ts';
import type { Vm } from './vm.ts';

/**
 * A function that guests call by name. Its argument lies in the guest's memory and is valid until the guest runs again;
 * a number is the status that it fails with, null is success without a result.
 */
export type ForeignFunction = (vm: Vm, argument: Uint8Array) => Uint8Array | null | number;

/** Instructions that setting up a coder takes, and what each byte adds; measured with what compresses worst. */
const CODER_PRICE = 15_000;
const DEFLATE_PRICE = 16;
const INFLATE_PRICE = 2;

const getLogLevel: ForeignFunction = (vm) => {
  const level = Buffer.alloc(4);
  level.writeUInt32LE(vm.host.logLevel);
  return level;
};

const clearRouteCache: ForeignFunction = (vm) => {
  vm.target?.host.stream?.clearRouteCache();
  return null;
};

/** zlib format (RFC 1950). */
const compress: ForeignFunction = (vm, argument) => {
  if (argument.length > LIMITS.pluginCompressBytes) return Status.serializationFailure;
  vm.spend(CODER_PRICE + argument.length * DEFLATE_PRICE);
  return deflateSync(argument);
};

const uncompress: ForeignFunction = (vm, argument) => {
  if (argument.length > LIMITS.pluginCompressBytes) return Status.serializationFailure;
  vm.spend(CODER_PRICE + argument.length);
  try {
    const bytes = inflateSync(argument, { maxOutputLength: LIMITS.pluginCompressBytes });
    vm.spend(bytes.length * INFLATE_PRICE);
    return bytes;
  } catch (error) {
    // A bomb was unpacked up to the limit before it was known for one.
    if (isTooLarge(error)) vm.spend(LIMITS.pluginCompressBytes * INFLATE_PRICE);
    else if (!isDataError(error)) throw error;
    return Status.serializationFailure;
  }
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isTooLarge(error: unknown): boolean {
  return codeOf(error) === 'ERR_BUFFER_TOO_LARGE';
}

function isDataError(error: unknown): boolean {
  return codeOf(error).startsWith('Z_');
}

/** `{ string path = 1; string value = 2; }`; how long the value lives (3) is always: as long as the exchange. */
const setFilterState: ForeignFunction = (vm, argument) => {
  const fields = readProtobuf(argument);
  const path = fields?.get(1);
  const value = fields?.get(2) ?? new Uint8Array(0);
  if (!(path instanceof Uint8Array) || path.length === 0 || !(value instanceof Uint8Array)) return Status.badArgument;
  if (argument.length > LIMITS.pluginPropertyBytes) return Status.badArgument;
  const stream = vm.target?.host.stream;
  if (stream === undefined || stream === null) return Status.badArgument;
  vm.spend(500 + argument.length);
  stream.setFilterState(Buffer.from(path).toString('latin1'), new Uint8Array(value));
  return null;
};

/** `{ bytes body = 1; bool end_stream = 2; }`. */
const inject: ForeignFunction = (vm, argument) => {
  const fields = readProtobuf(argument);
  const body = fields?.get(1) ?? new Uint8Array(0);
  const end = fields?.get(2) ?? 0;
  if (fields === null || !(body instanceof Uint8Array) || typeof end !== 'number') return Status.badArgument;
  return injectBytes(vm, body, end !== 0) ? null : Status.badArgument;
};

/** Bytes of a guest on their way to the filters behind it; false when they are refused. */
export function injectBytes(vm: Vm, bytes: Uint8Array, end: boolean): boolean {
  vm.spend(1000 + (bytes.length >> 1));
  return vm.target?.host.stream?.inject(bytes, end) === true;
}

/** A limit of Envoy's own event loop, which has no counterpart. */
const noEffect: ForeignFunction = () => null;

/** Foreign functions by name. */
export const FOREIGN_FUNCTIONS: ReadonlyMap<string, ForeignFunction> = new Map([
  ['get_log_level', getLogLevel],
  ['clear_route_cache', clearRouteCache],
  ['compress', compress],
  ['uncompress', uncompress],
  ['set_envoy_filter_state', setFilterState],
  ['inject_encoded_data_to_filter_chain', inject],
  ['inject_encoded_data_to_filter_chain_on_header', inject],
  ['set_global_max_requests_per_io_cycle', noEffect],
]);
