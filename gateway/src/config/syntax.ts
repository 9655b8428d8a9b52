import { type Document, isCollection, isScalar, type LineCounter, visit, type YAMLError } from 'yaml';
import { LIMITS } from '../core/limits.ts';

/** One mistake of syntax: where it is, what is wrong, and what would be right. */
export interface SyntaxFault {
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

/**
 * What is wrong with the syntax of a text, in words for who wrote it. After a mistake in its structure the parser
 * stumbles over all that follows: only the first such mistake is told, and nothing behind it.
 * @returns `broken`: offset of that mistake; infinite when there is none
 */
export function syntaxFaults(
  document: Document.Parsed,
  text: string,
  lines: LineCounter,
): { readonly faults: readonly SyntaxFault[]; readonly broken: number } {
  const errors = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (errors.length === 0) return { faults: [], broken: Number.POSITIVE_INFINITY };
  const conflict = text.search(MERGE_MARKER);
  if (conflict !== -1) return { faults: [{ offset: conflict, ...UNMERGED }], broken: conflict };
  const first = errors.find(({ code }) => !LOCAL.has(code));
  const broken = first?.pos[0] ?? Number.POSITIVE_INFINITY;
  const told = errors.filter((error) => error === first || error.pos[0] < broken);
  return { faults: told.slice(0, LIMITS.configProblems).map((error) => describe(error, document, lines)), broken };
}

/** Mistakes after which the rest can be read all the same. */
const LOCAL: ReadonlySet<string> = new Set([
  'BAD_ALIAS',
  'BAD_DIRECTIVE',
  'BAD_DQ_ESCAPE',
  'BAD_SCALAR_START',
  'MULTIPLE_ANCHORS',
  'MULTIPLE_TAGS',
  'TAB_AS_INDENT',
  'TAG_RESOLVE_FAILED',
]);

const MERGE_MARKER = /^(<{7}|={7}|>{7})( |\r?$)/m;
const UNMERGED = {
  message: 'a merge of two versions was not finished',
  remedy: 'keep one of them, and remove the lines with <<<<<<<, ======= and >>>>>>>',
};

type Words = readonly [message: string, remedy: string];

/** Words in place of the library's, by how its message begins; the first that fits. */
const WORDS: readonly (readonly [RegExp, Words])[] = [
  [
    /^implicit map keys need/,
    ['a key and its value are expected here', 'write "key: value", with a space after the colon'],
  ],
  [
    /^implicit keys( of flow sequence pairs)? need/,
    ['a key cannot go over several lines', 'write "key: value", with a space after the colon, and align the keys'],
  ],
  [
    /^nested mappings are/,
    [
      'a "key: value" inside a value',
      'align the keys of one mapping, put an inner one on its own lines, and quote a value that holds ": "',
    ],
  ],
  [/^block collections are/, ['a comma is missing before "key: value"', 'put commas between what stands in brackets']],
  [/^missing , /, ['a comma is missing', 'put commas between what stands in brackets']],
  [/^unexpected (,|empty item)/, ['a comma without a value before it', 'remove the comma, or write the value']],
  [/^comments must be/, ['a # right after a value', 'put a space before a comment, or the value in quotes']],
  [/^unexpected .* at node end/, ['text after the end of a value', 'remove it, or put the whole value in quotes']],
  [/^unexpected .* token/, ['this cannot stand here', 'align the keys of one mapping, and close every bracket']],
  [/^block scalar header/, ['text in the line of | or >', 'begin the text in the next line, or put it in quotes']],
  [/^the : indicator/, ['a key of more than 1024 characters', 'shorten the key']],
  [/^(alias|anchor) cannot be/, ['* and & need a name right behind them', 'put it in quotes if it is text: "*"']],
  [
    /^(unknown directive|unsupported YAML)/,
    ['a line that begins with % and means nothing here', 'remove the line, or put the text in quotes'],
  ],
  [/^tabs are/, ['tabs are not allowed as indentation', 'indent with spaces']],
  [/^source contains/, ['the file has several documents', 'keep one: no line with --- after the first, none with ...']],
];

const REMEDIES: Readonly<Record<string, string>> = {
  BAD_INDENT: 'align the items of one list, and the keys of one mapping',
  BAD_SCALAR_START: 'put the value in quotes',
  BAD_DQ_ESCAPE: 'double each backslash, or use single quotes',
  TAG_RESOLVE_FAILED: 'remove the tag that begins with "!"',
};

function describe(error: YAMLError, document: Document.Parsed, lines: LineCounter): SyntaxFault {
  const offset = error.pos[0];
  // The library's messages, as the middle of a line.
  const said = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  const quote = /^missing closing (["'])/.exec(said)?.[1];
  if (quote !== undefined) {
    const remedy = `close it with ${quote}, or leave both out`;
    return { offset: openingOf(document, offset, 'quote'), message: 'a quote that does not close', remedy };
  }
  const bracket = /^flow (?:map|sequence) .*end with a (.)/.exec(said)?.[1];
  if (bracket !== undefined) {
    const { line, col } = lines.linePos(openingOf(document, offset, 'bracket'));
    const message = `the bracket of ${line}:${col} does not close before this`;
    return { offset, message, remedy: `close it with ${bracket}, and indent what is inside more than its key` };
  }
  const [message, remedy] = WORDS.find(([pattern]) => pattern.test(said))?.[1] ?? [said, REMEDIES[error.code]];
  return { offset, message, remedy: remedy ?? 'write valid YAML 1.2 or JSON' };
}

/** Where the quote or bracket was opened that is found open at `end`. */
function openingOf(document: Document.Parsed, end: number, what: 'quote' | 'bracket'): number {
  let opening = -1;
  visit(document, {
    Node: (_, node) => {
      const [start, close] = node.range ?? [0, 0];
      const kind = what === 'bracket' ? isCollection(node) && node.flow : isScalar(node) && node.type !== 'PLAIN';
      if (kind === true && start < end && close >= end && start > opening) opening = start;
    },
  });
  return opening === -1 ? end : opening;
}
