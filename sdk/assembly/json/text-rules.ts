import { endsLine, isHeaderName } from '../types/header-text';
import { decimal } from '../types/integer';

/** What the length of a text breaks; `''` when nothing. */
export function lengthProblem(text: string, least: i32, most: i32, isSecret: bool): string {
  const length = characters(text);
  if (length == 0 && least > 0) return `is empty; must be ${isSecret ? 'a secret of ' : ''}at least ${counted(least)}`;
  if (length < least) return `has ${counted(length)}; at least ${decimal(least)} are needed`;
  return length > most ? `has ${counted(length)}; at most ${decimal(most)} are possible` : '';
}

/** What keeps a text from being the name of a header; `''` when nothing. */
export function headerNameProblem(text: string): string {
  return isHeaderName(text) ? '' : 'is no header name; must be made of letters, digits and -';
}

/** What keeps a text from being the value of a header; `''` when nothing. */
export function headerValueProblem(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (endsLine(text.charCodeAt(i))) return 'has a line break; must be text on one line';
  }
  return '';
}

/** Characters, not UTF-16 units: the second of two units that stand for one is not counted. */
function characters(text: string): i32 {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const isSecond = i > 0 && (text.charCodeAt(i) & 0xfc00) == 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) == 0xd800;
    if (!isSecond) count++;
  }
  return count;
}

function counted(length: i32): string {
  return length == 1 ? 'one character' : `${decimal(length)} characters`;
}
