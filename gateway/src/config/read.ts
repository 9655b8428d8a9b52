import type { StaticDecode, TSchema } from 'typebox';
import { fillDefaults } from './defaults.ts';
import { parseConfigText, type Place, type Plain } from './document.ts';
import { compareProblems, type Path, type Problem } from './problem.ts';
import { Report } from './report.ts';
import { decodeShape } from './shape.ts';
import { type SecretPlace, type Sources, substitute } from './substitute.ts';

/** What is known of a file after its text has been checked against the schema. */
export interface Reading<S extends TSchema> {
  readonly report: Report;
  /** Values as the file has them: no defaults, no secrets. Undefined when nothing can be read. */
  readonly written: Plain | undefined;
  /** Null when nothing can be read; with stand-ins for what cannot be read, as the report knows. */
  readonly decoded: StaticDecode<S> | null;
  readonly secretNames: readonly string[];
  /** Secrets that `decoded` only refers to (`Sources.keepReferences`). */
  readonly secretPlaces: readonly SecretPlace[];
  /** Values of secrets stand in `decoded`. */
  readonly secretsPutIn: boolean;
  /** Place of the value at `path`, or of its nearest parent. */
  readonly placeOf: (path: Path) => Place;
  /** All problems so far, by place; grows with the report. */
  problems(): readonly Problem[];
  /** The file's values with defaults, for display: secrets and variables stay names, units stay as written. */
  redacted(): Plain;
}

/**
 * Text → values → secrets and variables put in → shape checked, defaults filled in, units decoded.
 * @param sourcesOf where secrets and variables come from, given the file's own values
 */
export function readConfig<S extends TSchema>(
  schema: S,
  file: string,
  text: string,
  sourcesOf: (written: Plain) => Sources,
): Reading<S> {
  const document = parseConfigText(file, text);
  const report = new Report(file, document);
  const written = document.value;
  const readable = written !== undefined && document.problems.length === 0;
  const filled = readable ? substitute(schema, written, sourcesOf(written), report) : null;
  const decoded = filled === null ? null : decodeShape(schema, filled.value, report);
  const wellFormed = decoded !== null && report.clean;
  return {
    report,
    written,
    decoded,
    secretNames: filled?.secretNames ?? [],
    secretPlaces: filled?.secretPlaces ?? [],
    secretsPutIn: filled?.secretsPutIn ?? false,
    placeOf: (path) => document.locate(path, 'value'),
    problems: () => [...document.problems, ...report.problems()].sort(compareProblems),
    redacted: () => (wellFormed ? fillDefaults(schema, written ?? null) : (written ?? null)),
  };
}

/** Freezes a value and all it holds. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
