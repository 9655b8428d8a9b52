/** What makes an endpoint a member of a lane, besides the standard metadata keys. */
export interface LaneMembers {
  readonly tag: string;
  /** All pairs must be equal; null = the standard keys alone decide. */
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** Where an endpoint belongs; it may serve several lanes, and baseline besides. */
export interface LaneMembership {
  readonly tags: readonly string[];
  readonly baseline: boolean;
}

type Metadata = Readonly<Record<string, string>>;

const BASELINE_KEY = 'opensergo.io/canary';
const LANE_KEY_PREFIX = 'opensergo.io/canary-';
/** Older agents: a JSON array of objects with a `tag`. */
const LEGACY_KEY = '__micro.service.env__';
/** The older agents' word for no lane. */
const LEGACY_BASELINE_TAG = 'base';

const NO_TAGS: readonly string[] = [];

/** An unreadable value is taken as absent, as the agents that write it do. */
function legacyTags(text: string | undefined): readonly string[] {
  if (text === undefined) return NO_TAGS;
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    return NO_TAGS;
  }
  if (!Array.isArray(entries)) return NO_TAGS;
  const tags: string[] = [];
  for (const entry of entries as unknown[]) {
    const tag = typeof entry === 'object' && entry !== null ? (entry as { tag?: unknown }).tag : undefined;
    if (typeof tag === 'string' && tag !== '') tags.push(tag);
  }
  return tags;
}

function hasAll(metadata: Metadata, wanted: Metadata | null): boolean {
  if (wanted === null) return false;
  const names = Object.keys(wanted);
  return names.length > 0 && names.every((name) => metadata[name] === wanted[name]);
}

/**
 * Lanes of an endpoint by its metadata: `opensergo.io/canary-<tag>` = tag, the older `__micro.service.env__`, or the
 * lane's own pairs. It is baseline when it carries no mark of any lane (known here or not), or `opensergo.io/canary`.
 */
export function lanesOf(metadata: Metadata, lanes: readonly LaneMembers[]): LaneMembership {
  const legacy = legacyTags(metadata[LEGACY_KEY]);
  const tags: string[] = [];
  for (const lane of lanes) {
    const member =
      metadata[LANE_KEY_PREFIX + lane.tag] === lane.tag || legacy.includes(lane.tag) || hasAll(metadata, lane.metadata);
    if (member && !tags.includes(lane.tag)) tags.push(lane.tag);
  }
  const marked =
    tags.length > 0 ||
    legacy.some((tag) => tag !== LEGACY_BASELINE_TAG) ||
    Object.keys(metadata).some((name) => name.startsWith(LANE_KEY_PREFIX));
  return { tags, baseline: !marked || BASELINE_KEY in metadata || legacy.includes(LEGACY_BASELINE_TAG) };
}
