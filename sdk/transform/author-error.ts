import type { Range } from './ast.ts';

/** Something an author has to mend, and where. */
export class AuthorError extends Error {
  readonly range: Range;

  constructor(range: Range, message: string) {
    super(message);
    this.range = range;
  }
}
