import { H, HIDDEN, passed, type RequestCase, refused } from './case.ts';

const POST = `POST / HTTP/1.1\r\n${H}`;
const END = '0\r\n\r\n';
/** A chunked body that ends at once, with a request behind it. */
const HIDING = `\r\n${END}${HIDDEN}`;

/** [name, the field as it stands in the head, status; 0 = it is chunked]. */
const CODINGS: readonly (readonly [string, string, number?])[] = [
  ['in other letters', 'tRaNsFeR-eNcOdInG: ChUnKeD', 0],
  ['without a blank', 'Transfer-Encoding:chunked', 0],
  ['behind a tab', 'Transfer-Encoding:\tchunked', 0],
  ['xchunked', 'Transfer-Encoding: xchunked'],
  ['chunke', 'Transfer-Encoding: chunke'],
  ['identity', 'Transfer-Encoding: identity'],
  ['identity, chunked', 'Transfer-Encoding: identity, chunked', 501],
  ['gzip, chunked', 'Transfer-Encoding: gzip, chunked', 501],
  ['chunked, gzip', 'Transfer-Encoding: chunked, gzip'],
  ['chunked, identity', 'Transfer-Encoding: chunked, identity'],
  ['chunked, chunked', 'Transfer-Encoding: chunked, chunked'],
  ['two fields', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
  ['two fields, the first something else', 'Transfer-Encoding: x\r\nTransfer-Encoding: chunked'],
  ['two fields, the last something else', 'Transfer-Encoding: chunked\r\nTransfer-encoding: x'],
  ['two fields, the last empty', 'Transfer-Encoding: chunked\r\nTransfer-Encoding:'],
  ['an empty one', 'Transfer-Encoding:'],
  ['a comma behind', 'Transfer-Encoding: chunked,'],
  ['a comma before', 'Transfer-Encoding: ,chunked'],
  ['a parameter', 'Transfer-Encoding: chunked;q=1'],
  ['quotes', 'Transfer-Encoding: "chunked"'],
  ['single quotes', "Transfer-Encoding: 'chunked'"],
  ['a blank behind', 'Transfer-Encoding: chunked '],
  ['a tab behind', 'Transfer-Encoding: chunked\t'],
  ['a blank inside', 'Transfer-Encoding: chun ked'],
  ['a vertical tab before', 'Transfer-Encoding:\x0bchunked'],
  ['a form feed behind', 'Transfer-Encoding: chunked\x0c'],
  ['a no-break space before', 'Transfer-Encoding:\xa0chunked'],
  ['a long s', 'Transfer-Encoding: chunked\xc5\xbf'],
  ['a NUL behind', 'Transfer-Encoding: chunked\0'],
  ['a carriage return behind', 'Transfer-Encoding: chunked\r'],
  ['a carriage return before', 'Transfer-Encoding:\rchunked'],
  ['a line feed before', 'Transfer-Encoding:\nchunked'],
  ['folded', 'Transfer-Encoding:\r\n chunked'],
  ['folded behind a comma', 'Transfer-Encoding: x,\r\n\tchunked'],
  ['a blank before the colon', 'Transfer-Encoding : chunked'],
  ['a tab before the colon', 'Transfer-Encoding\t: chunked'],
  ['a carriage return before the colon', 'Transfer-Encoding\r: chunked'],
  ['a NUL in the name', 'Transfer-Encoding\0: chunked'],
  ['a blank before the name', ' Transfer-Encoding: chunked'],
  ['a tab before the name', '\tTransfer-Encoding: chunked'],
  ['a byte of more than seven bits in the name', 'Transfer-Encoding\xff: chunked'],
  ['inside a field, behind a line feed', 'X: y\nTransfer-Encoding: chunked'],
  ['inside a field, behind a carriage return', 'X: y\rTransfer-Encoding: chunked'],
  ['no colon', 'Transfer-Encoding chunked'],
  ['an equals sign', 'Transfer-Encoding= chunked'],
];

/** Codings that not every server takes for chunked: each alone, and together with a length. */
export const OBFUSCATED: readonly RequestCase[] = CODINGS.flatMap(([name, field, status = 400]) => [
  status === 0
    ? passed(`TE.TE: ${name}`, `${POST}${field}\r\n\r\n2\r\nhi\r\n${END}`, 'POST / chunked hi')
    : refused(`TE.TE: ${name}`, `${POST}${field}\r\n${HIDING}`, status),
  refused(
    `TE.TE beside a length: ${name}`,
    `${POST}Content-Length: ${(END + HIDDEN).length}\r\n${field}\r\n${HIDING}`,
    status === 501 ? 501 : 400,
  ),
]);
