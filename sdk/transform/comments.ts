/** Texts and comments, whichever begins first, so that what looks like one within another is none; a doc comment in a group. */
const TEXT_OR_COMMENT = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\/\/.*|\/\*\*(?![*/])([\s\S]*?)\*\/|\/\*[\s\S]*?\*\//g;

/**
 * The text of the last doc comment in a stretch of source, on one line per paragraph; `''` when there is none.
 * Lines of one paragraph are joined, tags such as `@param` end it.
 */
export function docCommentIn(text: string): string {
  const comments = [...text.matchAll(TEXT_OR_COMMENT)].flatMap(([, body]) => (body === undefined ? [] : [body]));
  const body = comments.at(-1) ?? '';
  const lines = body.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trim());
  const tag = lines.findIndex((line) => line.startsWith('@'));
  const paragraphs = (tag < 0 ? lines : lines.slice(0, tag)).join('\n').split(/\n{2,}/);
  return paragraphs
    .map((paragraph) => paragraph.replaceAll('\n', ' ').trim())
    .filter((paragraph) => paragraph !== '')
    .join('\n');
}
