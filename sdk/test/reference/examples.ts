import type { Doc } from './doc.ts';
import type { PublicSymbol } from './symbols.ts';

/** Stands for a value of any type where an example's class needs one to be made; the code is compiled and never runs. */
const ANYTHING = `
export function any<T>(): T {
  if (isReference<T>()) return changetype<T>(0);
  return <T>0;
}
`;

/** What the shorter examples take for granted. */
const GIVEN = `
class NothingToDo extends TimerHandler {
  onTimer(timer: Timer): void {}
}
`;

/**
 * Sources of a plugin that holds every example, by file name; `plugin.ts` is the entry. Each page has a file of its own, so
 * that examples may use the same names, and an error names the page.
 */
export function exampleSources(
  symbols: readonly PublicSymbol[],
  exported: readonly string[],
): ReadonlyMap<string, string> {
  const sources = new Map([['any.ts', ANYTHING]]);
  const imports = `import { ${exported.join(', ')} } from '@sluice/plugin-sdk';\nimport { any } from './any';\n`;
  for (const symbol of symbols) sources.set(`${symbol.name}.ts`, imports + pageSource(symbol));
  const names = symbols.map(({ name }) => name);
  sources.set(
    'plugin.ts',
    [
      ...names.map((name) => `import { use as use${name} } from './${name}';`),
      "export * from '@sluice/plugin-sdk/assembly/exports';",
      `export function useAll(): void { ${names.map((name) => `use${name}();`).join(' ')} }`,
    ].join('\n'),
  );
  return sources;
}

function pageSource(symbol: PublicSymbol): string {
  const docs = [symbol.doc, ...symbol.members.map(({ doc }) => doc)];
  const top = at(docs, 'top').join('\n');
  const plugin = methods(at(docs, 'plugin'), '(configuration: string): bool', 'return true;');
  const filter = methods(at(docs, 'filter'), '(endOfStream: bool): Action', 'return Action.Continue;');
  return `${GIVEN}
class ExampleFilter extends HttpFilter {
${filter.code}
}
class ExamplePlugin extends Plugin {
${plugin.code}
  createFilter(): HttpFilter { return new ExampleFilter(); }
}
${top}
export function use(): void {
  const filter = new ExampleFilter();
  const plugin = new ExamplePlugin();
  ${filter.names.map((name) => `filter.${name}(true);`).join(' ')}
  ${plugin.names.map((name) => `plugin.${name}('');`).join(' ')}
  ${makeClasses(top)}
}
`;
}

function at(docs: readonly Doc[], place: string): readonly string[] {
  return docs.flatMap(({ example }) => (example?.place === place ? [example.code] : []));
}

function methods(
  codes: readonly string[],
  signature: string,
  end: string,
): { readonly code: string; readonly names: readonly string[] } {
  const names = codes.map((_, index) => `example${index}`);
  const all = codes.map((code, index) => `  ${names[index]}${signature} {\n{\n${code}\n}\n    ${end}\n  }`);
  return { code: all.join('\n'), names };
}

/** The compiler looks at classes that are made, and at no others. */
function makeClasses(code: string): string {
  const classes = code.split(/^(?=class )/m).flatMap((text) => /^class (\w+)/.exec(text)?.[1] ?? []);
  return classes.map((name) => `new ${name}(${argumentsOf(name, code)});`).join(' ');
}

function argumentsOf(name: string, code: string): string {
  const [body = ''] = new RegExp(`^class ${name} .*\\{\\}$|^class ${name} [\\s\\S]*?^\\}`, 'm').exec(code) ?? [];
  const [, parameters = ''] = /^ {2}constructor\(([\s\S]*?)\) \{/m.exec(body) ?? [];
  const types = [...parameters.matchAll(/: ([^,=]+)/g)].map(([, type = '']) => `any<${type.trim()}>()`);
  return types.join(', ');
}
