// All expectations of the matrix.
import { buffers } from './buffers.ts';
import { callouts, grpc } from './callouts.ts';
import type { Row } from './cell.ts';
import { general } from './general.ts';
import { higress } from './higress.ts';
import { maps } from './maps.ts';
import { properties } from './properties.ts';
import { metrics, shared } from './shared.ts';
import { streams } from './streams.ts';
import { toolchain, wasiRows } from './wasi.ts';

/** By family; a family shares one instance in the callbacks of the plugin. */
export const FAMILIES: Readonly<Record<string, readonly Row[]>> = {
  general,
  maps,
  buffers,
  streams,
  callouts,
  grpc,
  shared,
  metrics,
  properties,
  higress,
  wasi: wasiRows,
  toolchain,
};

export const ROWS: readonly Row[] = Object.values(FAMILIES).flat();
