import type { PathMatch } from '../config/schema-tenant.ts';
import { parseTemplate, type PathTemplate } from '../core/path-template.ts';
import { compileRegex, type Regex } from '../core/regex.ts';
import { normalizeConfigPath, withoutTrailingSlash } from './path.ts';

/** Kinds of path match by precedence: the higher number wins. */
export const PATH_KINDS = { regex: 0, prefix: 1, template: 2, exact: 3 } as const;
export type PathKind = keyof typeof PATH_KINDS;

/** The path part of one alternative, compiled. */
export class PathMatcher {
  readonly kind: PathKind;
  /** Normal form: the exact path, the prefix without trailing slash, the template, or the pattern. */
  readonly text: string;
  /** For kind 'template'. */
  readonly template: PathTemplate | null;
  /** For kind 'regex': it must match the whole path. */
  readonly regex: Regex | null;
  /**
   * Decides between matches of one kind; the higher wins. Templates: literal segments, and a half for one without `**`,
   * so that `/a/{id}` is asked before `/a/{rest=**}`.
   */
  readonly specificity: number;

  constructor(kind: PathKind, text: string) {
    this.kind = kind;
    this.text = text;
    this.template = kind === 'template' ? parseTemplate(text) : null;
    this.regex = kind === 'regex' ? compileRegex(text) : null;
    this.specificity = specificityOf(kind, text, this.template);
  }
}

function specificityOf(kind: PathKind, text: string, template: PathTemplate | null): number {
  if (template !== null) return template.literals + (template.open ? 0 : 0.5);
  return kind === 'exact' ? 0 : text.length;
}

/** Compiles a path match; none is the prefix '/'. Throws an Error that says what is wrong. */
export function compilePath(match: PathMatch | undefined): PathMatcher {
  if (match?.regex !== undefined) return new PathMatcher('regex', match.regex);
  if (match?.exact !== undefined) return new PathMatcher('exact', normal(match.exact));
  if (match?.template !== undefined) return new PathMatcher('template', normal(match.template));
  return new PathMatcher('prefix', withoutTrailingSlash(normal(match?.prefix ?? '/')));
}

function normal(path: string): string {
  const text = normalizeConfigPath(path);
  if (text === null)
    throw new Error(`no request can have this path; leave out dot segments, '\\', '#' and ';': "${path}"`);
  return text;
}
