import type { ErrorCode } from '../core/errors.ts';
import { type ParsedGateway, parseGateway } from './parse-gateway.ts';
import { formatPath, type Path, type Problem } from './problem.ts';
import type { GatewayConfig } from './schema-gateway.ts';
import type { Environment } from './substitute.ts';

/** Something about an entry of the catalogue. */
export interface PluginRemark {
  /** Keys inside the entry. */
  readonly at: Path;
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** What a module of the catalogue says of itself. */
export interface InspectedPlugin {
  /** JSON Schema of its configuration; null: it has none that can be used. */
  readonly schema: object | null;
  readonly warnings: readonly PluginRemark[];
  /** Why nothing, or not all, could be looked at. */
  readonly notes: readonly PluginRemark[];
}

/** Looks into the modules of a catalogue, as far as they are on this machine; one answer for each plugin. Never rejects. */
export type InspectModules = (gateway: GatewayConfig) => Promise<readonly InspectedPlugin[]>;

/** `gateway.yaml`, checked with what the modules of its catalogue say. */
export interface InspectedGateway {
  readonly parsed: ParsedGateway;
  /** By plugin. */
  readonly schemas: ReadonlyMap<string, object>;
  readonly warnings: Problem[];
  readonly notes: Problem[];
}

/** Parses `gateway.yaml`, and has the modules looked at that it names. Never rejects. */
export async function inspectPlugins(
  file: string,
  text: string,
  { env = {}, inspect }: { readonly env?: Environment; readonly inspect?: InspectModules },
): Promise<InspectedGateway> {
  const parsed = parseGateway(file, text, { env });
  const schemas = new Map<string, object>();
  const warnings: Problem[] = [];
  const notes: Problem[] = [];
  const { readable } = parsed;
  if (inspect === undefined || readable === null) return { parsed, schemas, warnings, notes };
  for (const [index, plugin] of (await inspect(readable)).entries()) {
    const path = ['plugins', index];
    if (parsed.unread([...path, 'source']) || parsed.unread([...path, 'name'])) continue;
    const placed = ({ at, ...words }: PluginRemark): Problem => {
      const key = [...path, ...at];
      return { file, ...parsed.placeOf(key), key: formatPath(key), ...words };
    };
    if (plugin.schema !== null) schemas.set(readable.plugins[index]!.name, plugin.schema);
    warnings.push(...plugin.warnings.map(placed));
    notes.push(...plugin.notes.map(placed));
  }
  // The chain stands in the file that names the modules.
  const again = schemas.size === 0 || readable.chain.length === 0 ? parsed : parseGateway(file, text, { env, schemas });
  return { parsed: again, schemas, warnings, notes };
}
