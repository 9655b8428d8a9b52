/** Where the code of an example stands when it is compiled. */
export type ExamplePlace = 'filter' | 'plugin' | 'top';

export interface Example {
  readonly place: ExamplePlace;
  readonly code: string;
}

/** A doc comment, taken apart. */
export interface Doc {
  /** Markdown; '' when there is none. */
  readonly text: string;
  readonly parameters: readonly { readonly name: string; readonly text: string }[];
  readonly example: Example | null;
  /** Not for authors of plugins. */
  readonly internal: boolean;
}

export const NO_DOC: Doc = { text: '', parameters: [], example: null, internal: false };

const PLACES: Readonly<Record<string, ExamplePlace>> = {
  '': 'filter',
  'in a plugin': 'plugin',
  'at the top level': 'top',
};

/**
 * Reads a doc comment, its stars and its end included. `@example` stands last, alone on its line or with the words `in a
 * plugin` or `at the top level`; without them the code belongs into a callback of a filter.
 * @throws Error for words that stand for no place
 */
export function readDoc(comment: string): Doc {
  const lines = comment
    .replace(/^\s*\/\*\*\s?/, '')
    .replace(/\s*\*\/\s*$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*( |$)/, ''));
  const at = lines.findIndex((line) => line.startsWith('@example'));
  const [text = '', ...tags] = `\n${(at < 0 ? lines : lines.slice(0, at)).join('\n')}`.split(/\n(?=@)/);
  const parameters = tags.flatMap((tag) => {
    const [, name = '', rest = ''] = /^@param (\w+) ([\s\S]*)/.exec(tag) ?? [];
    return name === '' ? [] : [{ name, text: rest.trim() }];
  });
  const internal = tags.some((tag) => tag.startsWith('@internal'));
  const example = at < 0 ? null : readExample(lines[at]!, lines.slice(at + 1));
  return { text: text.trim(), parameters, example, internal };
}

function readExample(head: string, code: readonly string[]): Example {
  const words = head.slice('@example'.length).trim();
  const place = PLACES[words];
  if (place === undefined) throw new Error(`@example ${words}: must be one of ${Object.keys(PLACES).join(', ')}`);
  // A comment within a comment cannot end as usual.
  return { place, code: code.join('\n').replaceAll('*\\/', '*/').trim() };
}

/** The first sentence of a text, on one line. */
export function summaryOf({ text }: Doc): string {
  const [paragraph = ''] = text.split('\n\n');
  return (
    /^[\s\S]*?[.:](?=\s|$)/.exec(paragraph)?.[0].replaceAll('\n', ' ').replace(/:$/, '.') ??
    paragraph.replaceAll('\n', ' ')
  );
}
