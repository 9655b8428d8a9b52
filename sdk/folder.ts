import { basename, dirname } from 'node:path';

const HERE = import.meta.dirname;

/** The folder of this package, from its sources and from what is built of them in `dist/`. */
export const SDK_FOLDER = basename(HERE) === 'dist' ? dirname(HERE) : HERE;
