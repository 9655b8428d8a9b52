import { type RequestHandler, RequestParser } from '../../gateway/src/http1/request-parser.ts';
import { time } from './harness.ts';
import { HEAD_LIMITS, REQUEST } from './heads.ts';

const handler: RequestHandler = {
  onRequest: () => true,
  onRequestData: () => true,
  onRequestEnd() {},
  onRequestFault() {
    throw new Error('a request of this benchmark is faulty');
  },
};

const parser = new RequestParser(handler, HEAD_LIMITS);
const nine = Buffer.from(REQUEST, 'latin1');
const one = Buffer.from('GET /data HTTP/1.1\r\nHost: bench.example.com\r\n\r\n', 'latin1');

time('parse a request head of 9 fields', () => parser.execute(nine, 0));
time('parse a request head of 1 field', () => parser.execute(one, 0));
