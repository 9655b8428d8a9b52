const VARIABLE = /^\{([A-Za-z_][A-Za-z0-9_-]{0,63})(?:=(\*{1,2}))?\}$/;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/**
 * A path template: literal segments and variables. `{id}` (or `{id=*}`) takes one segment that is not empty,
 * `{rest=**}` takes what remains, nothing included, and stands last.
 */
export class PathTemplate {
  /** Literal text of each segment; null = a variable of one segment. Without the `**` variable. */
  readonly segments: readonly (string | null)[];
  /** Names of the variables in order. */
  readonly names: readonly string[];
  /** The last variable is `**`. */
  readonly open: boolean;
  /** Number of literal segments. */
  readonly literals: number;

  constructor(segments: readonly (string | null)[], names: readonly string[], open: boolean) {
    this.segments = segments;
    this.names = names;
    this.open = open;
    this.literals = segments.filter((segment) => segment !== null).length;
  }

  /** Values of the variables, in order and as they stand in `path`; null when the path is not of this form. */
  capture(path: string): string[] | null {
    const values: string[] = [];
    let at = 0;
    for (const literal of this.segments) {
      if (path.charCodeAt(at) !== 47) return null;
      const slash = path.indexOf('/', at + 1);
      const end = slash === -1 ? path.length : slash;
      const segment = path.slice(at + 1, end);
      if (literal === null ? segment === '' : segment !== literal) return null;
      if (literal === null) values.push(segment);
      at = end;
    }
    if (this.open) values.push(path.slice(at + 1));
    else if (at !== path.length) return null;
    return values;
  }
}

/** What is wrong with a template, and what would be right. */
export class TemplateError extends Error {
  readonly problem: string;
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(`${message}; ${remedy}`);
    this.problem = message;
    this.name = 'TemplateError';
    this.remedy = remedy;
  }
}

/** Parses a template that begins with '/'. @throws TemplateError */
export function parseTemplate(source: string): PathTemplate {
  const segments: (string | null)[] = [];
  const names: string[] = [];
  const written = source.slice(1).split('/');
  let open = false;
  for (const [index, segment] of written.entries()) {
    const variable = VARIABLE.exec(segment);
    if (variable === null) {
      if (/[{}]/.test(segment)) {
        const remedy = 'make a variable a whole segment such as {id} or {rest=**}';
        throw new TemplateError(`"${segment}" is not a variable`, remedy);
      }
      segments.push(segment);
      continue;
    }
    const name = variable[1]!;
    if (names.includes(name)) throw new TemplateError(`the variable {${name}} is there twice`, 'rename one of them');
    names.push(name);
    open = variable[2] === '**';
    if (open && index < written.length - 1) {
      throw new TemplateError(`{${name}=**} is not at the end`, 'put the variable that takes the rest last');
    }
    if (!open) segments.push(null);
  }
  return new PathTemplate(segments, names, open);
}

/** Names that a path to be written uses as `{name}`. */
export function usedNames(pattern: string): string[] {
  return [...pattern.matchAll(PLACEHOLDER)].map((match) => match[1]!);
}

/** A path to be written, with `{name}` for the variables of a template. */
export class PathPattern {
  /** Literal texts, one more than placeholders. */
  readonly #texts: readonly string[];
  /** Position in the template's variables for each placeholder. */
  readonly #variables: readonly number[];

  /**
   * Throws an Error when a placeholder names no variable.
   * @param names variables of the template that captures
   */
  constructor(source: string, names: readonly string[]) {
    const parts = source.split(PLACEHOLDER);
    this.#texts = parts.filter((_, index) => index % 2 === 0);
    this.#variables = parts
      .filter((_, index) => index % 2 === 1)
      .map((name) => {
        const index = names.indexOf(name);
        if (index === -1) throw new Error(`{${name}} is no variable of the route's path template`);
        return index;
      });
  }

  /** @param values what the template captured. */
  render(values: readonly string[]): string {
    let path = this.#texts[0]!;
    for (let i = 0; i < this.#variables.length; i++) path += values[this.#variables[i]!]! + this.#texts[i + 1]!;
    return path;
  }
}
