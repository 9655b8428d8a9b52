// `@sluice/plugin-sdk/compile`: as it was packed, or its sources, where those are.
import { existsSync } from 'node:fs';

const sources = new URL('../compile.ts', import.meta.url);
const packed = new URL('../dist/compile.js', import.meta.url);

export const { compilePlugin, PluginCompileError } = await import(existsSync(sources) ? sources : packed);
