import { type Doc, type ExamplePlace, summaryOf } from './doc.ts';
import type { Member, PublicSymbol } from './symbols.ts';

const PLACES: Readonly<Record<ExamplePlace, string>> = {
  filter: 'In a callback of a filter:',
  plugin: "In a plugin's `onConfigure`:",
  top: 'For example:',
};

const MADE = '<!-- Made from the comments in sdk/assembly by sdk/test/reference.test.ts; edit those. -->';

/** `HttpCallHandler` → `http-call-handler.md`; what differs only in case from a class keeps its name apart. */
export function pageOf(name: string): string {
  return `${name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, '-$&').toLowerCase()}.md`;
}

/** Pages of the reference by file name, `README.md` being the list of them. */
export function renderPages(symbols: readonly PublicSymbol[]): ReadonlyMap<string, string> {
  const pages = new Map([['README.md', renderIndex(symbols)]]);
  for (const symbol of symbols) pages.set(pageOf(symbol.name), renderPage(symbol, symbols));
  return pages;
}

function renderIndex(symbols: readonly PublicSymbol[]): string {
  const lines = [
    '# Reference of the SDK',
    '',
    MADE,
    '',
    'Everything that `@sluice/plugin-sdk` exports. [The package](../../../sdk/README.md) tells how it fits together.',
  ];
  for (const group of new Set(symbols.map((symbol) => symbol.group))) {
    lines.push('', `## ${group}`, '', '| | |', '|---|---|');
    for (const symbol of symbols.filter((each) => each.group === group)) {
      lines.push(`| [${symbol.name}](${pageOf(symbol.name)}) | ${cell(summaryOf(symbol.doc))} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function renderPage(symbol: PublicSymbol, symbols: readonly PublicSymbol[]): string {
  const parts = [`# ${symbol.name}`, MADE, code(headOf(symbol)), ...docParts(symbol.doc)];
  const values = symbol.allMembers.filter(({ kind }) => kind === 'value');
  if (values.length > 0) parts.push(renderValues(values));
  const isMade = ({ kind }: Member): boolean => kind === 'constructor';
  const rest = symbol.allMembers.filter((member) => member.kind !== 'value' && !isMade(member));
  for (const member of [...symbol.allMembers.filter(isMade), ...rest]) parts.push(...renderMember(member));
  for (const base of symbol.bases) parts.push(renderInherited(base, symbols));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** What authors cannot import is not named. */
function headOf({ signature, base, bases }: PublicSymbol): string {
  return base !== null && !bases.includes(base.name) ? signature.replace(` extends ${base.name}`, '') : signature;
}

function renderValues(values: readonly Member[]): string {
  const rows = values.map(({ signature, doc }) => `| \`${signature}\` | ${cell(doc.text)} |`);
  return ['| | |', '|---|---|', ...rows].join('\n');
}

function renderMember({ name, signature, doc }: Member): string[] {
  return [
    `## ${name}`,
    code(signature.replaceAll(/\b(?:public|private|readonly) (?=\w+: .*\))/g, '')),
    ...docParts(doc),
  ];
}

function renderInherited(name: string, symbols: readonly PublicSymbol[]): string {
  const members = symbols.find((each) => each.name === name)!.allMembers.filter(({ kind }) => kind !== 'constructor');
  const links = members.map((member) => `[${member.name}](${pageOf(name)}#${member.name.toLowerCase()})`);
  return `## From ${name}\n\n${links.join(', ')}.`;
}

function docParts({ text, parameters, example }: Doc): string[] {
  const list = parameters.map((parameter) => `- \`${parameter.name}\`: ${parameter.text.replaceAll('\n', '\n  ')}`);
  const shown = example === null ? [] : [PLACES[example.place], code(example.code)];
  return [text, list.join('\n'), ...shown];
}

function code(text: string): string {
  return `\`\`\`ts\n${text}\n\`\`\``;
}

function cell(text: string): string {
  return text.replaceAll('\n', ' ').replaceAll('|', '\\|');
}
