import type { TSchema } from 'typebox';
import type { Plain } from './document.ts';
import { formatPath, type Path } from './problem.ts';
import type { Report } from './report.ts';
import { allowsText, childSchema, chooseBranch, isMapping, type SchemaView, viewOf } from './schema-view.ts';
import { isSecretName, type SecretReader } from './secrets.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the values come from that a file only names. */
export interface Sources {
  /** For `${VARIABLE}` and `${VARIABLE:-default}`; null = the file may not use them, and they stay as text. */
  readonly env: Environment | null;
  /** Absolute directory of the secrets; null = there is none; undefined = it cannot be told, and no secret is missed. */
  readonly secretsDirectory: string | null | undefined;
  /** Null: the file has no secrets, and `{ secret: name }` is a mapping like others. */
  readonly readSecret: SecretReader | null;
  /**
   * Secrets inside values that the schema leaves to others (a plugin's configuration) stay as references and are
   * listed in `secretPlaces`; that they are there is checked all the same. Default: false.
   */
  readonly keepReferences?: boolean;
}

/** A reference to a secret that stands in a configuration. */
export interface SecretPlace {
  readonly path: Path;
  readonly name: string;
}

/** What `substitute` made. */
export interface Substituted {
  readonly value: Plain;
  /** Names of the secrets that the file uses, found or not, sorted. */
  readonly secretNames: readonly string[];
  /** With `keepReferences`: those that still stand in `value`. */
  readonly secretPlaces: readonly SecretPlace[];
  /** Values of secrets stand in `value`. */
  readonly secretsPutIn: boolean;
}

/**
 * Puts secrets in the place of `{ secret: name }` wherever the schema allows text, and variables in the place of
 * `${VARIABLE}`. What was put in is concealed in `report`; what cannot be found is reported. The input stays as it is.
 */
export function substitute(schema: TSchema, value: Plain, sources: Sources, report: Report): Substituted {
  const substitution = new Substitution(sources, report);
  const result = substitution.apply(viewOf(schema), value, [], false);
  const { names, places, putIn } = substitution;
  return { value: result, secretNames: [...names].sort(), secretPlaces: places, secretsPutIn: putIn };
}

/** `${NAME}` or `${NAME:-default}`; `$${` stands for `${` itself. */
const VARIABLE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{[^}]*\}?/g;

/** Expands the variables of one text. Null when one is missing or malformed, which is then reported. */
export function expandVariables(text: string, env: Environment, path: Path, report: Report | null): string | null {
  let complete = true;
  const expanded = text.replace(VARIABLE, (written: string, name?: string, fallback?: string) => {
    if (written === '$${') return '${';
    if (name === undefined) {
      complete = false;
      const remedy = 'write ${NAME} or ${NAME:-default}; for the characters themselves $${';
      report?.add(path, 'SLUICE_CONFIG_VARIABLE', `${written} names no variable`, remedy);
      return '';
    }
    // As in shells: the default also stands in for an empty variable.
    const value = fallback === undefined ? env[name] : env[name] || fallback;
    if (value !== undefined) return value;
    complete = false;
    const remedy = `set ${name}, or give a default: \${${name}:-default}`;
    report?.add(path, 'SLUICE_CONFIG_VARIABLE', `the environment variable ${name} is not set`, remedy);
    return '';
  });
  return complete ? expanded : null;
}

class Substitution {
  readonly names = new Set<string>();
  readonly places: SecretPlace[] = [];
  putIn = false;
  readonly #sources: Sources;
  readonly #report: Report;

  constructor(sources: Sources, report: Report) {
    this.#sources = sources;
    this.#report = report;
  }

  /** @param inside the value is part of one that the schema leaves to others */
  apply(schema: SchemaView, value: Plain, path: Path, inside: boolean): Plain {
    if (typeof value === 'string') return this.#expand(schema, value, path);
    if (typeof value !== 'object' || value === null) return value;
    const name = this.#sources.readSecret !== null && allowsText(schema) ? secretName(value) : null;
    if (name !== null) return this.#secret(value, name, path, inside);
    const branch = schema.anyOf === undefined ? schema : (chooseBranch(schema.anyOf, value) ?? {});
    const left = inside || branch.type === undefined;
    if (Array.isArray(value)) {
      const items = branch.items ?? {};
      return value.map((item, index) => this.apply(items, item, [...path, index], left));
    }
    const result: { [key: string]: Plain } = {};
    for (const [key, child] of Object.entries(value)) {
      result[key] = this.apply(childSchema(branch, key) ?? {}, child, [...path, key], left);
    }
    return result;
  }

  #secret(reference: Plain, name: Plain, path: Path, inside: boolean): Plain {
    const { secretsDirectory, readSecret } = this.#sources;
    if (typeof name !== 'string' || !isSecretName(name)) {
      const remedy = 'name a file of the secrets directory: letters, digits and . _ - with no dot in front';
      return this.#missing(path, 'this is not the name of a secret', remedy);
    }
    this.names.add(name);
    if (secretsDirectory === undefined) {
      this.#report.settle(path);
      return '';
    }
    const value = secretsDirectory === null ? null : (readSecret?.(secretsDirectory, name) ?? null);
    if (value !== null) {
      this.#report.conceal(path, `{ secret: ${name} }`, value);
      const kept = inside && this.#sources.keepReferences === true;
      if (kept) this.places.push({ path, name });
      else this.putIn = true;
      return kept ? reference : value;
    }
    if (formatPath(path) === 'secrets.directory') {
      return this.#missing(path, 'where the secrets are cannot be a secret', 'write the path of their directory');
    }
    const [message, remedy] =
      secretsDirectory === null
        ? [`the secret ${name} cannot be looked up`, 'set secrets.directory in gateway.yaml']
        : [`the secret ${name} is missing or unreadable`, `put it as text into ${secretsDirectory}/${name}`];
    return this.#missing(path, message, remedy);
  }

  #missing(path: Path, message: string, remedy: string): string {
    this.#report.add(path, 'SLUICE_CONFIG_SECRET', message, remedy);
    this.#report.settle(path);
    return '';
  }

  #expand(schema: SchemaView, text: string, path: Path): Plain {
    const { env } = this.#sources;
    if (env === null || !text.includes('${')) return text;
    const expanded = expandVariables(text, env, path, this.#report);
    if (expanded === null) {
      this.#report.settle(path);
      return '';
    }
    // Without any variable it is what the file says, and nothing to conceal.
    if (expanded !== expandVariables(text, {}, path, null)) this.#report.conceal(path, text, expanded);
    return scalarFor(schema, expanded);
  }
}

/** The name in `{ secret: name }`; null when `value` is something else. */
function secretName(value: Plain): Plain {
  if (!isMapping(value)) return null;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === 'secret' ? (value['secret'] ?? '') : null;
}

/** Variables are text; where a number or a truth value is wanted, they are read as one. */
function scalarFor(schema: SchemaView, text: string): Plain {
  const types = (schema.anyOf ?? [schema]).map(({ type }) => type);
  if (/^-?\d{1,15}(\.\d+)?$/.test(text) && types.some((type) => type === 'integer' || type === 'number')) {
    return Number(text);
  }
  if ((text === 'true' || text === 'false') && types.includes('boolean')) return text === 'true';
  return text;
}
