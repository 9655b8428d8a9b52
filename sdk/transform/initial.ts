import type { Rules } from './decorators.ts';
import type { FieldType } from './field-type.ts';
import type { Constant } from './literals.ts';

/** What the names of headers are made of (RFC 9110 §5.6.2), as a regular expression. */
export const HEADER_NAME = "[!#$%&'*+.^_`|~0-9A-Za-z\\-]+";
/** Text on one line, as a regular expression. */
export const HEADER_VALUE = '[^\\r\\n\\x00]*';

/** An empty text of this type stands for null, when it is the name of a header: nothing is called ''. */
export function mayBeNone({ kind, nullable }: FieldType): boolean {
  return kind === 'text' && nullable;
}

/** What is wrong with an initial value, to stand behind its name; `''` when nothing is. */
export function checkInitial(value: Constant, type: FieldType, rules: Rules): string {
  if (value === null) return type.nullable ? '' : `cannot be null; it is ${type.range.toString()}`;
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean' ? '' : 'must be true or false';
    case 'integer':
    case 'float':
      return checkNumber(value, type, rules);
    case 'text':
      return checkText(value, type, rules);
    case 'texts':
      return Array.isArray(value) ? checkTexts(value, type, rules) : 'must be a list of texts';
    case 'json':
      return typeof value === 'object' ? "must be JsonValue.text('…') or null" : '';
    default:
      return Array.isArray(value) && value.length === 0 ? checkCount(0, rules) : 'must be []';
  }
}

function checkNumber(value: Constant, type: FieldType, rules: Rules): string {
  if (typeof value !== 'number') return 'must be a number';
  const least = rules.minimum ?? (type.kind === 'integer' ? type.least : -Infinity);
  const most = rules.maximum ?? (type.kind === 'integer' ? type.most : Infinity);
  if (type.kind === 'integer' && !Number.isInteger(value)) return 'must be an integer';
  return value >= least && value <= most ? '' : `must be from ${least} to ${most}`;
}

function checkTexts(values: readonly Constant[], type: FieldType, rules: Rules): string {
  return (
    values.map((value) => checkText(value, type, rules)).find((problem) => problem !== '') ??
    checkCount(values.length, rules)
  );
}

function checkCount(count: number, { minItems = 0, maxItems = Infinity }: Rules): string {
  if (count < minItems) return `has fewer than ${minItems} entries; add @required`;
  return count <= maxItems ? '' : `has more than ${maxItems} entries`;
}

function checkText(value: Constant, type: FieldType, rules: Rules): string {
  if (typeof value !== 'string') return 'must be a text';
  const { length } = Array.from(value);
  if (rules.oneOf && !rules.oneOf.includes(value)) return `must be one of ${rules.oneOf.join(', ')}`;
  if (length < (rules.minLength ?? 0)) return `is shorter than ${rules.minLength}; add @required`;
  if (length > (rules.maxLength ?? Infinity)) return `is longer than ${rules.maxLength}`;
  const isNone = mayBeNone(type) && value === '';
  if (rules.headerName && !isNone && !new RegExp(`^${HEADER_NAME}$`).test(value)) return 'is no header name';
  if (rules.headerName && type.bytes && value !== value.toLowerCase()) return 'must be in small letters';
  return rules.headerValue && !new RegExp(`^${HEADER_VALUE}$`).test(value) ? 'has a line break' : '';
}
