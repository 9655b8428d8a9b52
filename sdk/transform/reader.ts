import type { ConfigClass, Field } from './config-class.ts';
import { constantOf } from './literals.ts';
import { mayBeNone } from './initial.ts';
import type { ConfigClassOf } from './schema.ts';

/** What generated code needs of the SDK, under names that no author uses. */
const NAMES = [
  'Settings',
  'JsonKind',
  'JsonValue',
  'NO_BYTES',
  'encodeHeaderName',
  'headerNameProblem',
  'headerValueProblem',
  'lengthProblem',
  'utf8',
];
const IMPORT = `import { ${NAMES.map((name) => `${name} as $${name}`).join(', ')} } from '@sluice/plugin-sdk/assembly/json/reader';`;

/**
 * AssemblyScript that reads a configuration: an import, then a class `Reader` with one method, which has a block for each
 * field in their order, and behind it a field with an initial value for each one that has none.
 */
export function readerSource(config: ConfigClass, inner: ConfigClassOf): string {
  const blocks = config.fields.map((field) => `{ ${readField(field, inner)} }`);
  if (config.hasCheck) blocks.push('this.check(settings);');
  const missing = config.fields.filter(isWithoutInitial).map(({ name, type, declaration }) => {
    return `${name}: ${declaration.type!.range.toString()} = ${zeroOf(type.kind, type.name, type.nullable && declaration.initializer === null)};`;
  });
  return `${IMPORT}
class Reader {
readSettings(settings: $Settings): void {
${blocks.join('\n')}
}
${missing.join('\n')}
}
`;
}

/** True for a field whose initial value the reader's class brings: where there is none, and one for all that are empty. */
export function isWithoutInitial({ declaration: { initializer }, type }: Field): boolean {
  return initializer === null || (type.bytes && constantOf(initializer) === '');
}

function zeroOf(kind: Field['type']['kind'], name: string, isNullable: boolean): string {
  if (isNullable) return 'null';
  switch (kind) {
    case 'text':
      return name === 'ArrayBuffer' ? '$NO_BYTES' : "''";
    case 'bool':
      return 'false';
    case 'integer':
    case 'float':
      return '0';
    case 'object':
      return `new ${name}()`;
    case 'json':
      return 'new $JsonValue($JsonKind.Null)';
    default:
      return '[]';
  }
}

function readField(field: Field, inner: ConfigClassOf): string {
  const { name, rules } = field;
  const key = quote(name);
  const hide = rules.secret ? `settings.hide(${key});` : '';
  const require = rules.required ? `settings.require(${key}, ${quote(expected(field, inner))});` : '';
  return `${hide} ${require} if (settings.has(${key})) { ${assign(field)} ${checks(field)} }`;
}

/** What a message says a missing setting must be. */
function expected(field: Field, inner: ConfigClassOf): string {
  const { type, rules } = field;
  switch (type.kind) {
    case 'text':
      return rules.oneOf ? alternatives(rules.oneOf) : 'a string';
    case 'bool':
      return 'true or false';
    case 'integer':
      return `an integer from ${rules.minimum ?? type.least} to ${rules.maximum ?? type.most}`;
    case 'float':
      return 'a number';
    case 'texts':
      return 'a list of strings';
    case 'objects':
      return `a list of { ${inner(field)
        .fields.map(({ name }) => name)
        .join(', ')} }`;
    case 'json':
      return 'some JSON';
    default:
      return 'an object';
  }
}

function assign({ name, type, rules }: Field): string {
  const key = quote(name);
  switch (type.kind) {
    case 'text':
      return assignText(name, type.bytes, type.nullable, rules.headerName === true);
    case 'bool':
      return `this.${name} = settings.flag(${key}, this.${name});`;
    case 'integer': {
      const range = `${rules.minimum ?? type.least}, ${rules.maximum ?? type.most}`;
      return `this.${name} = <${type.name}>settings.integer(${key}, <i64>this.${name}, ${range});`;
    }
    case 'float':
      return `this.${name} = settings.number(${key}, this.${name}, ${rules.minimum ?? '-Infinity'}, ${rules.maximum ?? 'Infinity'});`;
    case 'texts':
    case 'pairs':
      return `this.${name} = settings.${type.kind}(${key});`;
    case 'object':
      return assignObject(name, type.name, type.nullable);
    case 'objects':
      return `const list = settings.sections(${key}); const made: ${type.name}[] = [];
        for (let i = 0; i < list.length; i++) { const one = new ${type.name}(); one.readSettings(list[i]); made.push(one); }
        this.${name} = made;`;
    default:
      return `const value = settings.get(${key}); if (value) this.${name} = value;`;
  }
}

function assignText(name: string, bytes: boolean, isNullable: boolean, headerName: boolean): string {
  const text = `settings.text(${quote(name)}, '')`;
  if (!bytes)
    return isNullable && headerName
      ? `const text = ${text}; this.${name} = text.length ? text : null;`
      : `this.${name} = ${text};`;
  if (!headerName) return `this.${name} = $utf8(${text});`;
  const orNone = isNullable ? ' || !text.length' : '';
  return `const text = ${text}; const bytes = $encodeHeaderName(text); if (bytes${orNone}) this.${name} = bytes;`;
}

function assignObject(name: string, className: string, isNullable: boolean): string {
  const read = isNullable
    ? `const made = new ${className}(); made.readSettings(inner); this.${name} = made;`
    : `this.${name}.readSettings(inner);`;
  return `const inner = settings.open(${quote(name)}); if (inner) { ${read} }`;
}

function checks({ name, type, rules }: Field): string {
  const key = quote(name);
  const each = (problem: string): string => `settings.each(${key}, (text: string): string => ${problem});`;
  const unlessNone = mayBeNone(type) ? "text.length == 0 ? '' : " : '';
  const { minItems, maxItems, minLength, maxLength, oneOf } = rules;
  return [
    minItems !== undefined || maxItems !== undefined
      ? `settings.count(${key}, ${minItems ?? 0}, ${maxItems ?? 'i32.MAX_VALUE'});`
      : '',
    minLength !== undefined || maxLength !== undefined
      ? each(`$lengthProblem(text, ${minLength ?? 0}, ${maxLength ?? 'i32.MAX_VALUE'}, ${rules.secret === true})`)
      : '',
    oneOf
      ? each(
          `${oneOf.map((text) => `text == ${quote(text)}`).join(' || ')} ? '' : ${quote(`must be ${alternatives(oneOf)}`)}`,
        )
      : '',
    rules.headerName ? each(`${unlessNone}$headerNameProblem(text)`) : '',
    rules.headerValue ? each('$headerValueProblem(text)') : '',
  ].join(' ');
}

function alternatives(texts: readonly string[]): string {
  const shown = texts.map((text) => (text === '' ? "''" : text));
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

/** A text as a literal of AssemblyScript. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
