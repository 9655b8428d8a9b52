import { cut, declined, H, HIDDEN, passed, type RequestCase, refused, SEEN, waiting } from './case.ts';

const END = `HTTP/1.1\r\n${H}\r\n`;

function line(name: string, text: string, status = 400): RequestCase {
  return refused(`line: ${name}`, `${text}\r\n${H}\r\n${HIDDEN}`, status);
}

/** The request line and where it leads. */
export const LINES: readonly RequestCase[] = [
  line('ended by LF', 'GET / HTTP/1.1\nX: y'),
  line('ended by CR', 'GET / HTTP/1.1\rX: y'),
  line('two blanks', 'GET  / HTTP/1.1'),
  line('two blanks before the version', 'GET /  HTTP/1.1'),
  line('a tab', 'GET\t/ HTTP/1.1'),
  line('a blank before', ' GET / HTTP/1.1'),
  line('a blank behind', 'GET / HTTP/1.1 '),
  line('a blank in the target', 'GET /a b HTTP/1.1'),
  line('a request in the target', 'GET / HTTP/1.1 /hidden HTTP/1.1'),
  line('a NUL in the target', 'GET /\0 HTTP/1.1'),
  line('a control byte in the target', 'GET /\x01 HTTP/1.1'),
  line('a DEL in the target', 'GET /\x7f HTTP/1.1'),
  line('a byte of more than seven bits in the target', 'GET /\xe9 HTTP/1.1'),
  line('no version', 'GET /'),
  line('no target', 'GET HTTP/1.1'),
  line('no method', '/ HTTP/1.1'),
  line('a method in brackets', '[GET] / HTTP/1.1'),
  line('a method with a colon', 'GET: / HTTP/1.1'),
  line('a method with a NUL', 'GE\0T / HTTP/1.1'),
  line('a method of 100 letters', `${'M'.repeat(100)} / HTTP/1.1`),
  line('HTTP/0.9', 'GET / HTTP/0.9', 505),
  line('HTTP/1.2', 'GET / HTTP/1.2', 505),
  line('HTTP/2.0', 'GET / HTTP/2.0', 505),
  line('HTTP/11.1', 'GET / HTTP/11.1'),
  line('HTTP/1.01', 'GET / HTTP/1.01'),
  line('HTTP/1', 'GET / HTTP/1'),
  line('http/1.1', 'GET / http/1.1'),
  line('a version without slash', 'GET / HTTP 1.1'),
  line('a fragment', 'GET /#/hidden HTTP/1.1'),
  line('the preface of HTTP/2', 'PRI * HTTP/2.0', 505),
  line('a target of 100 KiB', `GET /${'x'.repeat(100_000)} HTTP/1.1`, 414),
  refused('line: two line feeds before', `\n\n${HIDDEN}`),
  passed('line: one empty line before', `\r\n${HIDDEN}`, SEEN),
  refused('line: two empty lines before', `\r\n\r\n${HIDDEN}`),
  refused('CONNECT', `CONNECT a.example:443 ${END}${HIDDEN}`, 501),
  refused('CONNECT to a path', `CONNECT / ${END}`, 501),
  declined('OPTIONS of everything', `OPTIONS * ${END}`, 404),

  // HTTP/1.0
  refused('HTTP/1.0 with a coding', `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`),
  refused(
    'HTTP/1.0 with a coding that stays',
    `POST / HTTP/1.0\r\n${H}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  ),
  refused(
    'HTTP/1.0 with both',
    `POST / HTTP/1.0\r\n${H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  cut('HTTP/1.0 with a request behind it', `GET / HTTP/1.0\r\n${H}\r\n${HIDDEN}`, 'GET / none ', 200),
  passed(
    'HTTP/1.0 that stays, with a request behind it',
    `GET / HTTP/1.0\r\n${H}Connection: keep-alive\r\n\r\n${HIDDEN}`,
    ['GET / none ', SEEN],
  ),
  waiting('HTTP/1.0 with half a body', `POST / HTTP/1.0\r\n${H}Content-Length: 50\r\n\r\nhalf`),

  // Which host
  refused('no Host', `GET / HTTP/1.1\r\n\r\n${HIDDEN}`),
  refused('two Hosts', `GET / HTTP/1.1\r\n${H}Host: b.example\r\n\r\n`),
  refused('two Hosts of the same', `GET / HTTP/1.1\r\n${H}${H}\r\n`),
  refused('a Host in other letters as well', `GET / HTTP/1.1\r\n${H}hOST: b.example\r\n\r\n`),
  refused('a list of hosts', 'GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n'),
  refused('a Host with a path', 'GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n'),
  refused('a Host with a query', 'GET / HTTP/1.1\r\nHost: a.example?x\r\n\r\n'),
  refused('a Host with a fragment', 'GET / HTTP/1.1\r\nHost: a.example#x\r\n\r\n'),
  refused('a Host with userinfo', 'GET / HTTP/1.1\r\nHost: b@a.example\r\n\r\n'),
  refused('a Host with a backslash', 'GET / HTTP/1.1\r\nHost: a.example\\x\r\n\r\n'),
  refused('a Host with a blank', 'GET / HTTP/1.1\r\nHost: a.example b.example\r\n\r\n'),
  refused('a Host with a NUL', 'GET / HTTP/1.1\r\nHost: a.example\0b\r\n\r\n'),
  refused('a Host with a port of letters', 'GET / HTTP/1.1\r\nHost: a.example:http\r\n\r\n'),
  refused('a Host with two ports', 'GET / HTTP/1.1\r\nHost: a.example:80:80\r\n\r\n'),
  refused('a Host with a scheme', 'GET / HTTP/1.1\r\nHost: http://a.example\r\n\r\n'),
  refused('a Host before which a blank stands', 'GET / HTTP/1.1\r\n Host: a.example\r\n\r\n'),
  passed('a Host with a port', 'GET / HTTP/1.1\r\nHost: A.example:8080\r\n\r\n', 'GET / none ', [
    'Host: A.example:8080',
  ]),

  // The absolute form
  passed('an absolute target', `GET http://a.example/x ${END}`, 'GET /x none ', ['Host: a.example']),
  passed('an absolute target without path', `GET http://a.example?x ${END}`, 'GET /?x none '),
  refused('an absolute target to another host', `GET http://b.example/ ${END}`),
  refused('an absolute target with userinfo', `GET http://a.example@b.example/ ${END}`),
  refused('an absolute target with another port', `GET http://a.example:81/ ${END}`),
  refused('an absolute target without authority', `GET http:///hidden ${END}`),
  refused('an absolute target of another scheme', `GET file:///etc/passwd ${END}`),
  refused('an absolute target without Host', 'GET http://a.example/ HTTP/1.1\r\n\r\n'),
  refused('an authority as target', `GET a.example:80 ${END}`),
  refused('a target without slash', `GET hidden ${END}`),
  refused('a target with backslashes', `GET \\hidden ${END}`),
  declined('a path with a backslash', `GET /a\\..\\hidden ${END}`, 400),
  declined('a path with encoded dots', `GET /a/%2e%2e/hidden ${END}`, 400),
];
