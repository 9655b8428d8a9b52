import { cut, H, HIDDEN, passed, type RequestCase, refused, SEEN, waiting } from './case.ts';

const POST = `POST / HTTP/1.1\r\n${H}`;
const GET = `GET / HTTP/1.1\r\n${H}`;
const TE = 'Transfer-Encoding: chunked\r\n';
const END = '0\r\n\r\n';
/** A chunked body that ends at once, with a request behind it. */
const HIDING = `\r\n${END}${HIDDEN}`;

function length(bytes: string): string {
  return `Content-Length: ${bytes.length}\r\n`;
}

/** Which field says where the body ends. */
export const FRAMING: readonly RequestCase[] = [
  // Content-Length beside Transfer-Encoding
  refused('CL.TE: length first', `${POST}${length(END + HIDDEN)}${TE}${HIDING}`),
  refused('CL.TE: length last', `${POST}${TE}${length(END + HIDDEN)}${HIDING}`),
  refused('CL.TE: length 0', `${POST}Content-Length: 0\r\n${TE}${HIDING}`),
  refused('CL.TE: a body that the length cuts', `${POST}Content-Length: 4\r\n${TE}\r\n5c\r\n${HIDDEN}\r\n${END}`),
  refused('CL.TE: length of the first chunk line', `${POST}Content-Length: 3\r\n${TE}\r\n1\r\na\r\n${END}`),
  refused('CL.TE: in a GET', `${GET}Content-Length: 5\r\n${TE}${HIDING}`),
  refused('CL.TE: both of no body', `${POST}Content-Length: 0\r\n${TE}\r\n${END}`),
  refused('CL.TE: between two lengths', `${POST}Content-Length: 5\r\n${TE}Content-Length: 5\r\n\r\n${END}`),
  refused('TE.CL: length shorter than the chunks', `${POST}${TE}Content-Length: 4\r\n\r\n5c\r\nhello\r\n${END}`),
  refused('TE.CL: length longer than the chunks', `${POST}${TE}Content-Length: 900\r\n${HIDING}`),
  refused('TE.CL: a length that is none', `${POST}${TE}Content-Length: x\r\n${HIDING}`),
  refused('TE.CL: an empty length', `${POST}${TE}Content-Length:\r\n${HIDING}`),

  // Several lengths
  refused('CL.CL: two that differ', `${POST}Content-Length: 0\r\n${length(HIDDEN)}\r\n${HIDDEN}`),
  refused('CL.CL: two that differ, the larger first', `${POST}${length(HIDDEN)}Content-Length: 0\r\n\r\n${HIDDEN}`),
  refused('CL.CL: two of the same', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`),
  refused('CL.CL: one in other letters', `${POST}Content-Length: 5\r\ncONTENT-lENGTH: 6\r\n\r\nhello`),
  refused('CL.CL: a list', `${POST}Content-Length: 5, 6\r\n\r\nhello`),
  refused('CL.CL: a list of the same', `${POST}Content-Length: 5, 5\r\n\r\nhello`),
  refused('CL.CL: a list without a first', `${POST}Content-Length: ,5\r\n\r\nhello`),
  refused('CL.CL: a list with a blank', `${POST}Content-Length: 5 5\r\n\r\nhello`),

  // A length that is no length
  refused('length +5', `${POST}Content-Length: +5\r\n\r\nhello`),
  refused('length -5', `${POST}Content-Length: -5\r\n\r\nhello`),
  refused('length -0', `${POST}Content-Length: -0\r\n\r\n${HIDDEN}`),
  refused('length 0x5', `${POST}Content-Length: 0x5\r\n\r\nhello`),
  refused('length 5.0', `${POST}Content-Length: 5.0\r\n\r\nhello`),
  refused('length 5e0', `${POST}Content-Length: 5e0\r\n\r\nhello`),
  refused('length 1_0', `${POST}Content-Length: 1_0\r\n\r\nhellohello`),
  refused('length five', `${POST}Content-Length: five\r\n\r\nhello`),
  refused('length "5"', `${POST}Content-Length: "5"\r\n\r\nhello`),
  refused('length 5;', `${POST}Content-Length: 5;\r\n\r\nhello`),
  refused('length of nothing', `${POST}Content-Length:\r\n\r\n${HIDDEN}`),
  refused('length of a blank', `${POST}Content-Length: \r\n\r\n${HIDDEN}`),
  refused('length in Arabic digits', `${POST}Content-Length: \xd9\xa5\r\n\r\nhello`),
  refused('length with a superscript', `${POST}Content-Length: \xb2\r\n\r\nhi`),
  refused('length with a NUL', `${POST}Content-Length: 5\0\r\n\r\nhello`),
  refused('length with a vertical tab', `${POST}Content-Length:\x0b5\r\n\r\nhello`),
  refused('length with a form feed behind', `${POST}Content-Length: 5\x0c\r\n\r\nhello`),
  refused('length with a no-break space', `${POST}Content-Length:\xa05\r\n\r\nhello`),
  refused('length with a blank behind', `${POST}Content-Length: 5 \r\n\r\nhello`),
  refused('length with a tab behind', `${POST}Content-Length: 5\t\r\n\r\nhello`),
  refused('length of 2^64 + 5', `${POST}Content-Length: 18446744073709551621\r\n\r\nhello`),
  refused('length of 2^32 + 5, with zeros', `${POST}Content-Length: 00000000004294967301\r\n\r\nhello`),
  refused('length of 10^15', `${POST}Content-Length: 1000000000000000\r\n\r\nhello`),
  refused('length beyond the limit of bodies', `${POST}Content-Length: 999999999999999\r\n\r\nhello`, 413),
  passed('length with leading zeros', `${POST}Content-Length: 005\r\n\r\nhello`, 'POST / length hello'),
  passed('length behind tabs', `${POST}Content-Length:\t\t5\r\n\r\nhello`, 'POST / length hello'),
  passed('length in other letters', `${POST}CONTENT-LENGTH:5\r\n\r\nhello`, 'POST / length hello'),
  passed('length of a GET', `${GET}Content-Length: 5\r\n\r\nhello`, 'GET / length hello'),
  waiting('length that no body fills', `${POST}Content-Length: 500\r\n\r\n${HIDDEN}`),

  // Nothing says that there is a body
  passed('CL.0: a request in the body', `${POST}${length(HIDDEN)}\r\n${HIDDEN}`, `POST / length ${HIDDEN}`),
  passed('CL.0: in a GET', `${GET}${length(HIDDEN)}\r\n${HIDDEN}`, `GET / length ${HIDDEN}`),
  passed('CL.0: in a HEAD', `HEAD / HTTP/1.1\r\n${H}${length(HIDDEN)}\r\n${HIDDEN}`, `HEAD / length ${HIDDEN}`),
  passed(
    'CL.0: in an OPTIONS',
    `OPTIONS / HTTP/1.1\r\n${H}${length(HIDDEN)}\r\n${HIDDEN}`,
    `OPTIONS / length ${HIDDEN}`,
  ),
  passed('CL.0: in a TRACE', `TRACE / HTTP/1.1\r\n${H}${length(HIDDEN)}\r\n${HIDDEN}`, `TRACE / length ${HIDDEN}`),
  passed(
    'CL.0: in a method of no server',
    `PWN / HTTP/1.1\r\n${H}${length(HIDDEN)}\r\n${HIDDEN}`,
    `PWN / length ${HIDDEN}`,
  ),
  passed('0.CL: a length of 0 and a request', `${POST}Content-Length: 0\r\n\r\n${HIDDEN}`, ['POST / length ', SEEN]),
  passed('0.CL: no length and a request', `${POST}\r\n${HIDDEN}`, ['POST / length ', SEEN]),
  cut('0.CL: no length and a body', `${POST}\r\nx=1&y=2\r\n\r\n`, 'POST / length '),
  passed('TE.0: a request in the chunks', `${POST}${TE}\r\n${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n${END}`, [
    `POST / chunked ${HIDDEN}`,
  ]),
  passed('TE.0: in a GET', `${GET}${TE}\r\n${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n${END}`, [
    `GET / chunked ${HIDDEN}`,
  ]),
  passed('TE.0: in an OPTIONS', `OPTIONS / HTTP/1.1\r\n${H}${TE}\r\n2\r\nhi\r\n${END}`, 'OPTIONS / chunked hi'),
  passed('TE.0: no chunk and a request', `${POST}${TE}\r\n${END}${HIDDEN}`, ['POST / chunked ', SEEN]),
];
