// What asconfig.json names: the transform as it was packed, or its sources, where those are.
import { existsSync } from 'node:fs';

const sources = new URL('../transform/index.ts', import.meta.url);
const packed = new URL('../dist/transform/index.js', import.meta.url);
const { default: PluginTransform } = await import(existsSync(sources) ? sources : packed);

export default PluginTransform;
