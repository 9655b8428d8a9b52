import { expect, it } from 'vitest';
import { accessText, processText } from './plugin-gateway-log.ts';

it.each<[line: object | string, text: string | null]>([
  [{ level: 'info', thread: 'worker 1', plugin: 'a', tenant: 'dev', msg: 'hello\u001b[31m' }, '  a info: hello?[31m'],
  [{ level: 'info', thread: 'main', plugin: 'a', msg: 'plugin module replaced' }, null],
  [
    { level: 'error', thread: 'main', plugin: 'a', reason: 'no', msg: 'refused' },
    '  gateway error: refused reason="no"',
  ],
  [{ level: 'info', thread: 'main', msg: 'listening', port: 1 }, null],
  ['(node) Warning', '(node) Warning'],
  ['{not json', '{not json'],
  ['', null],
])('tells of the process log what an author needs: %j', (line, text) => {
  expect(processText(typeof line === 'string' ? line : JSON.stringify(line))).toBe(text);
});

it('tells of requests', () => {
  const entry = {
    method: 'GET',
    path: '/x',
    response_code: 200,
    response_code_details: 'via_upstream',
    plugin_time_us: 12,
  };
  expect(accessText(JSON.stringify({ ...entry, plugin_failures: '' }))).toBe('GET /x -> 200, plugin 12 µs');
  const failed = { ...entry, response_code: 503, response_code_details: 'SLUICE_X', plugin_failures: 'a:failed' };
  expect(accessText(JSON.stringify(failed))).toBe('GET /x -> 503, plugin 12 µs, SLUICE_X, a:failed');
  expect(accessText('else')).toBeNull();
});
