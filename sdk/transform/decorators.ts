import type { Declaration, Decorator, FieldDeclaration } from './ast.ts';
import { AuthorError } from './author-error.ts';
import type { FieldType } from './field-type.ts';
import { type Constant, constantOf } from './literals.ts';
import { nameOfDecorator } from './scope.ts';

/** What the decorators of a setting ask of it. */
export interface Rules {
  required?: true;
  secret?: true;
  headerName?: true;
  headerValue?: true;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  oneOf?: readonly string[];
}

type Kind = FieldType['kind'];

interface Kinds {
  readonly kinds: readonly Kind[];
  readonly takes: 'nothing' | 'a number' | 'a count' | 'texts';
}

const ALL: readonly Kind[] = ['text', 'bool', 'integer', 'float', 'texts', 'pairs', 'object', 'objects', 'json'];
const NUMBERS: readonly Kind[] = ['integer', 'float'];
const TEXTS: readonly Kind[] = ['text', 'texts', 'pairs'];
const LISTS: readonly Kind[] = ['texts', 'objects'];

const DECORATORS: Readonly<Record<keyof Rules, Kinds>> = {
  required: { kinds: ALL, takes: 'nothing' },
  minimum: { kinds: NUMBERS, takes: 'a number' },
  maximum: { kinds: NUMBERS, takes: 'a number' },
  minLength: { kinds: TEXTS, takes: 'a count' },
  maxLength: { kinds: TEXTS, takes: 'a count' },
  minItems: { kinds: LISTS, takes: 'a count' },
  maxItems: { kinds: LISTS, takes: 'a count' },
  oneOf: { kinds: TEXTS, takes: 'texts' },
  headerName: { kinds: ['text', 'texts'], takes: 'nothing' },
  headerValue: { kinds: TEXTS, takes: 'nothing' },
  secret: { kinds: TEXTS, takes: 'nothing' },
};

/**
 * Reads the decorators of a setting.
 * @throws AuthorError for one that is unknown, does not fit the type, or contradicts another
 */
export function applyDecorators(declaration: FieldDeclaration, type: FieldType): Rules {
  const rules: Record<string, unknown> = {};
  for (const decorator of declaration.decorators ?? []) {
    const name = nameOfDecorator(decorator);
    if (!Object.hasOwn(DECORATORS, name)) {
      const known = Object.keys(DECORATORS).join(', @');
      throw new AuthorError(decorator.range, `@${name} is no decorator of a setting; known: @${known}`);
    }
    const { kinds, takes } = DECORATORS[name as keyof Rules];
    if (!kinds.includes(type.kind)) {
      throw new AuthorError(decorator.range, `@${name} does not apply to ${type.range.toString()}`);
    }
    if (Object.hasOwn(rules, name)) throw new AuthorError(decorator.range, `@${name} stands here twice`);
    rules[name] = argumentOf(name, takes, decorator);
  }
  checkRanges(rules, type, declaration);
  return rules;
}

/** @throws AuthorError for a decorator of settings at a member that is none */
export function refuseDecorators({ decorators, name }: Declaration): void {
  const decorator = decorators?.find((each) => Object.hasOwn(DECORATORS, nameOfDecorator(each)));
  if (!decorator) return;
  const at = `@${nameOfDecorator(decorator)} is for settings`;
  throw new AuthorError(decorator.range, `${at}, which are public fields; ${name.text} is none`);
}

function argumentOf(name: string, takes: Kinds['takes'], { args, range }: Decorator): unknown {
  const values = (args ?? []).map(constantOf);
  const [value] = values;
  if (takes === 'nothing' && values.length === 0) return true;
  if (takes === 'texts' && values.length > 0 && values.every(isText) && new Set(values).size === values.length)
    return values;
  if (values.length === 1 && typeof value === 'number') {
    if (takes === 'a number') return value;
    if (takes === 'a count' && Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value;
  }
  throw new AuthorError(range, `@${name} takes ${takes === 'texts' ? 'different texts' : takes}`);
}

function isText(value: Constant | undefined): value is string {
  return typeof value === 'string';
}

function checkRanges(rules: Rules, type: FieldType, { decorators, name }: FieldDeclaration): void {
  const range = decorators?.[0]?.range ?? name.range;
  for (const bound of [rules.minimum, rules.maximum]) {
    if (bound === undefined || type.kind !== 'integer') continue;
    if (!Number.isInteger(bound) || bound < type.least || bound > type.most) {
      throw new AuthorError(range, `${bound} is no ${type.name}; its range is ${type.least} to ${type.most}`);
    }
  }
  const pairs = [
    [rules.minimum, rules.maximum],
    [rules.minLength, rules.maxLength],
    [rules.minItems, rules.maxItems],
  ];
  for (const [least, most] of pairs) {
    if (least !== undefined && most !== undefined && least > most) {
      throw new AuthorError(range, `nothing is at least ${least} and at most ${most}`);
    }
  }
  if (rules.headerName && rules.headerValue)
    throw new AuthorError(range, 'the name of a header is a value of one, too');
  if (
    rules.oneOf &&
    (rules.headerName || rules.headerValue || rules.minLength !== undefined || rules.maxLength !== undefined)
  ) {
    throw new AuthorError(range, '@oneOf says it all; leave the other decorators for texts out');
  }
}
