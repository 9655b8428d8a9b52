import { PullError } from './pull-error.ts';

/** A part of an image, by its digest. */
export interface Descriptor {
  readonly mediaType: string;
  /** Hexadecimal SHA-256. */
  readonly digest: string;
  readonly size: number;
}

/** What a registry may answer with, best first. */
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** Layers that are a module as it is. */
const MODULE_LAYERS: readonly string[] = [
  'application/vnd.module.wasm.content.layer.v1+wasm',
  'application/vnd.wasm.content.layer.v1+wasm',
  'application/wasm',
];
/** Layers that are an archive with `plugin.wasm` in it, as images have them. */
const ARCHIVE_LAYERS: readonly string[] = [
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.oci.image.layer.v1.tar',
];

/** What a manifest leads to: the layer with the module, or the manifest of an index to go on with. */
export type ManifestContent =
  | { readonly kind: 'layer'; readonly layer: Descriptor }
  | { readonly kind: 'manifest'; readonly manifest: Descriptor };

type Json = Readonly<Record<string, unknown>>;

/** Reads a manifest or an index. @throws PullError: there is no module in it, or it cannot be told which. */
export function readManifest(text: string): ManifestContent {
  const json = parse(text);
  const { manifests, layers } = json;
  if (Array.isArray(manifests)) return { kind: 'manifest', manifest: chooseManifest(manifests.filter(isJson)) };
  if (!Array.isArray(layers)) throw new PullError('the manifest has neither layers nor manifests', true);
  return { kind: 'layer', layer: chooseLayer(layers.filter(isJson)) };
}

/** The one for wasm, or the only one; what only attests to others does not count. */
function chooseManifest(entries: readonly Json[]): Descriptor {
  const images = entries.filter(
    ({ annotations }) => !isJson(annotations) || !('vnd.docker.reference.type' in annotations),
  );
  const neutral = images.filter(({ platform }) => !isJson(platform) || platform['architecture'] === 'wasm');
  const [chosen, ...others] = neutral.length > 0 ? neutral : images;
  if (chosen === undefined) throw new PullError('the index is empty', true);
  if (others.length === 0) return descriptor(chosen);
  throw new PullError(`the index has ${others.length + 1} manifests to choose from; name one by its digest`, true);
}

/** The one layer that is a module; else the last one if it is an archive, as older tools make them. */
function chooseLayer(layers: readonly Json[]): Descriptor {
  const typeOf = ({ mediaType }: Json): string => String(mediaType).slice(0, 128);
  const modules = layers.filter((layer) => MODULE_LAYERS.includes(typeOf(layer)));
  if (modules.length > 1) throw new PullError(`the image has ${modules.length} modules`, true);
  const last = layers.at(-1);
  if (modules[0] !== undefined) return descriptor(modules[0]);
  if (last !== undefined && ARCHIVE_LAYERS.includes(typeOf(last))) return descriptor(last);
  const types = layers.slice(0, 8).map((layer) => typeOf(layer));
  const has = types.length === 0 ? 'no layer' : `layers of ${types.join(', ')}`;
  throw new PullError(`the image has ${has}; none is a module or an archive with one`, true);
}

function descriptor({ mediaType, digest, size }: Json): Descriptor {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(String(digest)) ?? [];
  if (hex === undefined) throw new PullError('the manifest has a digest that is not one of SHA-256', true);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new PullError('the manifest has a part without a size', true);
  }
  return { mediaType: String(mediaType), digest: hex, size };
}

function parse(text: string): Json {
  try {
    const json: unknown = JSON.parse(text);
    if (isJson(json)) return json;
  } catch {
    // Said below.
  }
  throw new PullError('the manifest is no JSON', true);
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
