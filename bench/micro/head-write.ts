import { requestHead, responseHead } from '../../gateway/src/http1/write.ts';
import { time } from './harness.ts';
import { parsed } from './heads.ts';

const untouched = parsed();

/** What the gateway sets on each request. */
function edited(): ReturnType<typeof parsed> {
  const head = parsed();
  head.headers.set('x-forwarded-for', '192.0.2.1');
  head.headers.set('x-forwarded-proto', 'http');
  head.headers.set('x-forwarded-host', head.authority);
  head.headers.set('x-forwarded-port', '8080');
  head.headers.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  return head;
}

const five = edited();

time('write a response head of 9 fields as received', () => responseHead(200, untouched.headers, ''));
time('write a request head of 9 fields and 5 set', () => requestHead(five.method, five.target, five.headers, ''));
time('parse a request head, set 5 fields, write it', () => {
  const { method, target, headers } = edited();
  return requestHead(method, target, headers, '');
});
