// Holding, closing, answering and ending what is not there, not theirs, or over; and calling back from within.
import { type Attack, contained, crash, lateCrash, REQUEST_HEADERS } from '../attack.ts';
import { CONTINUE, COUNTER, GET, guest, HTTP_CALL, must, onRequest, SLOTS, times, TRAP } from '../guest.ts';

const NOTHING = '(i32.const 0) (i32.const 0)';
const ANSWER = `(call $send_local_response (i32.const 418) ${NOTHING} ${NOTHING} ${NOTHING} (i32.const -1))`;
const CLOSE = '(call $close_stream (i32.const 0))';
const RESUME = '(drop (call $continue_stream (i32.const 0))) (drop (call $continue_stream (i32.const 1)))';
const EVERYTHING = `(drop ${ANSWER}) (drop ${CLOSE}) ${RESUME} (drop (call $done)) (drop ${ANSWER})`;

/** Answers, closes, goes on and is done, all at once, in one callback; the stronger wins. */
function everythingIn(callback: string, result: string, expect: Attack['expect']): Attack {
  return {
    name: `everything-at-once-in-${callback.replace('proxy_on_', '').replaceAll('_', '-')}`,
    module: () => guest({ callbacks: { [callback]: `${EVERYTHING} ${result}` } }),
    expect,
  };
}

const RESET_OR_CLOSED = ['reset', 'SLUICE_PLUGIN_CLOSED'];
const reset: Attack['expect'] = { closed: RESET_OR_CLOSED, open: RESET_OR_CLOSED };
const HELD = 'SLUICE_PLUGIN_PAUSE_TIMEOUT';

function paused(name: string, callback: string, result: number): Attack {
  return {
    name: `pause-for-ever-in-${name}`,
    module: () => guest({ callbacks: { [callback]: `(i32.const ${result})` } }),
    expect: { closed: [HELD, 'reset'], open: ['200'] },
    exchanges: 1,
  };
}

/** Looks at every map and buffer and writes them, in the context of another exchange. */
const TOUCH_ALL = Array.from(
  { length: 10 },
  (_, type) => `(drop (call $get_header_map_pairs (i32.const ${type}) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4})))
    (drop (call $add_header_map_value (i32.const ${type}) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 5)))
    (drop (call $get_buffer_bytes (i32.const ${type}) (i32.const 0) (i32.const -1) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4})))
    (drop (call $set_buffer_bytes (i32.const ${type}) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 5)))`,
).join('\n');

/** Goes through all contexts that there may be. */
const EACH_CONTEXT = (body: string): string =>
  times(64, `(if (i32.eqz (call $set_effective_context (global.get $i))) (then ${body}))`);

export const streams: readonly Attack[] = [
  everythingIn('proxy_on_request_headers', '(i32.const 0)', reset),
  everythingIn('proxy_on_request_body', '(i32.const 0)', reset),
  everythingIn('proxy_on_request_trailers', '(i32.const 0)', reset),
  everythingIn('proxy_on_response_headers', '(i32.const 0)', reset),
  everythingIn('proxy_on_response_body', '(i32.const 0)', reset),
  everythingIn('proxy_on_response_trailers', '(i32.const 0)', reset),
  everythingIn('proxy_on_done', '(i32.const 1)', contained()),
  everythingIn('proxy_on_log', '', contained()),
  everythingIn('proxy_on_delete', '', contained()),
  everythingIn('proxy_on_context_create', '', {
    closed: ['200', '418', ...RESET_OR_CLOSED],
    open: ['200', '418', ...RESET_OR_CLOSED],
  }),
  {
    name: 'everything-at-once-in-http-call-response',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `${must(`(i32.eqz ${HTTP_CALL})`)} (i32.const 4)`,
          proxy_on_http_call_response: `(drop (call $set_effective_context (i32.const 2))) ${EVERYTHING}`,
        },
      }),
    // The contexts after the first are held for good.
    expect: { closed: [...RESET_OR_CLOSED, HELD], open: [...RESET_OR_CLOSED, '200'] },
  },
  paused('request-headers', 'proxy_on_request_headers', 4),
  paused('request-headers-by-a-number-nobody-knows', 'proxy_on_request_headers', -1),
  paused('request-body', 'proxy_on_request_body', 1),
  paused('request-trailers', 'proxy_on_request_trailers', 1),
  paused('response-headers', 'proxy_on_response_headers', 4),
  paused('response-body', 'proxy_on_response_body', 2),
  {
    name: 'pause-for-ever-and-hold-the-answer-to-that',
    module: () =>
      guest({ callbacks: { proxy_on_request_headers: '(i32.const 4)', proxy_on_response_headers: '(i32.const 4)' } }),
    expect: { closed: [HELD], open: ['200'] },
    exchanges: 1,
  },
  ...['request', 'response'].map(
    (direction): Attack => ({
      name: `pause-for-ever-in-${direction}-headers-before-no-body`,
      module: () =>
        guest({
          callbacks: { [`proxy_on_${direction}_headers`]: '(i32.const 1)' },
          marker: 'proxy_abi_version_0_2_100',
        }),
      expect: { closed: [HELD], open: ['200'] },
      exchanges: 1,
    }),
  ),
  {
    name: 'pause-while-a-callout-hangs',
    module: onRequest(
      `${must(`(i32.eqz ${HTTP_CALL.replaceAll('(i32.const 5000)', '(i32.const 0)')})`)} (i32.const 4)`,
    ),
    expect: { closed: [HELD], open: ['200'] },
    exchanges: 1,
  },
  {
    name: 'answer-twice',
    module: onRequest(`${must(`(i32.eqz ${ANSWER})`)} (drop ${ANSWER}) ${CONTINUE}`),
    expect: contained('418'),
  },
  {
    name: 'answer-a-thousand-times',
    module: onRequest(`${times(1000, `(drop ${ANSWER})`)} ${CONTINUE}`, COUNTER),
    expect: contained('418'),
    limits: { fuel: 5_000_000 },
  },
  {
    name: 'answer-and-answer-the-answer',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `(drop ${ANSWER}) ${CONTINUE}`,
          proxy_on_response_headers: `(drop ${ANSWER}) ${CONTINUE}`,
          proxy_on_response_body: `(drop ${ANSWER}) ${CONTINUE}`,
          proxy_on_log: `(drop ${ANSWER})`,
        },
      }),
    expect: contained('418'),
  },
  {
    name: 'answer-and-hold-the-answer',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `(drop ${ANSWER}) ${CONTINUE}`,
          proxy_on_response_headers: '(i32.const 4)',
        },
      }),
    expect: contained('418'),
    exchanges: 1,
  },
  {
    name: 'answer-and-trap-over-the-answer',
    module: () =>
      guest({
        callbacks: { proxy_on_request_headers: `(drop ${ANSWER}) ${CONTINUE}`, proxy_on_response_headers: TRAP },
      }),
    expect: { ...crash('trap', 'proxy_on_response_headers'), closed: ['418', 'SLUICE_PLUGIN_FAILED'], open: ['418'] },
  },
  {
    name: 'answer-and-hold',
    module: onRequest(`(drop ${ANSWER}) (i32.const 4)`),
    expect: contained('418'),
  },
  {
    name: 'answer-and-trap',
    module: onRequest(`(drop ${ANSWER}) ${TRAP}`),
    expect: crash('trap', REQUEST_HEADERS),
  },
  {
    name: 'answer-with-a-status-that-is-none',
    module: onRequest(
      `${[0, 99, 100, 101, 199, 1000, -1, 2 ** 31 - 1]
        .map((status) =>
          must(
            `(i32.eq (call $send_local_response (i32.const ${status}) ${NOTHING} ${NOTHING} ${NOTHING} (i32.const -1)) (i32.const 2))`,
          ),
        )
        .join('\n')} ${CONTINUE}`,
    ),
    expect: contained(),
  },
  {
    name: 'answer-with-a-body-of-16-mib',
    module: onRequest(
      `${must(`(i32.eq (call $send_local_response (i32.const 200) ${NOTHING} (i32.const 0) (i32.const 0x1000000) ${NOTHING} (i32.const -1)) (i32.const 2))`)} ${CONTINUE}`,
      '',
      { memory: '256' },
    ),
    expect: contained(),
    limits: { memoryMiB: 16 },
  },
  {
    name: 'answer-from-the-root',
    module: onRequest(
      // Nothing happens, and the plugin's author is told so.
      `(drop (call $set_effective_context (i32.const 1)))
      ${must(`(i32.eqz ${ANSWER})`)} ${must(`(i32.eqz ${CLOSE})`)} ${CONTINUE}`,
    ),
    expect: contained(),
  },
  {
    name: 'continue-without-a-pause',
    module: onRequest(`${RESUME} ${RESUME} ${CONTINUE}`),
    expect: contained(),
  },
  {
    name: 'continue-and-then-hold',
    module: onRequest(`${RESUME} (i32.const 4)`),
    expect: contained(),
  },
  {
    name: 'streams-that-do-not-exist',
    module: onRequest(
      `${[4, 255, -1]
        .map(
          (type) =>
            must(`(i32.eq (call $continue_stream (i32.const ${type})) (i32.const 2))`) +
            must(`(i32.eq (call $close_stream (i32.const ${type})) (i32.const 2))`),
        )
        .join('\n')} ${CONTINUE}`,
    ),
    expect: contained(),
  },
  {
    name: 'contexts-that-do-not-exist',
    module: onRequest(
      `${[0, 77_777, -1, 2 ** 31 - 1]
        .map((id) => must(`(i32.eq (call $set_effective_context (i32.const ${id})) (i32.const 2))`))
        .join('\n')} ${must(`(i32.eqz ${GET})`)} ${CONTINUE}`,
    ),
    expect: contained(),
  },
  {
    name: 'contexts-of-others',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `${EACH_CONTEXT(TOUCH_ALL)} ${CONTINUE}`,
          proxy_on_response_headers: `${EACH_CONTEXT(TOUCH_ALL)} ${CONTINUE}`,
          proxy_on_log: EACH_CONTEXT(TOUCH_ALL),
        },
        fields: COUNTER,
        allocator: '(i32.const 40000)',
      }),
    // Whatever it does is done to its own exchanges.
    expect: { closed: ['200', 'SLUICE_PLUGIN_FAILED'], open: ['200'] },
    limits: { fuel: 50_000_000 },
  },
  {
    name: 'contexts-of-others-closed-from-within',
    module: () =>
      guest({
        callbacks: { proxy_on_request_headers: `${EACH_CONTEXT(`(drop ${CLOSE})`)} ${CONTINUE}` },
        fields: COUNTER,
      }),
    expect: reset,
  },
  {
    name: 'contexts-that-are-over',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `${must('(i32.or (i32.eqz (global.get $last)) (i32.eq (call $set_effective_context (global.get $last)) (i32.const 2)))')} ${CONTINUE}`,
          proxy_on_delete: '(global.set $last (local.get 0))',
        },
        fields: '(global $last (mut i32) (i32.const 0))',
      }),
    expect: contained(),
    exchanges: 5,
  },
  {
    name: 'done-without-end',
    module: () => guest({ callbacks: { proxy_on_done: '(i32.const 0)' } }),
    expect: contained(),
    exchanges: 20,
  },
  {
    name: 'done-before-the-end-and-again',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `${must('(i32.eq (call $done) (i32.const 1))')} ${CONTINUE}`,
          proxy_on_done: '(drop (call $done)) (drop (call $done)) (i32.const 0)',
          proxy_on_log: '(drop (call $done))',
          proxy_on_delete: '(drop (call $done))',
        },
      }),
    expect: contained(),
  },
  {
    name: 'done-of-the-plugin-itself',
    module: onRequest(`(drop (call $set_effective_context (i32.const 1))) (drop (call $done)) ${CONTINUE}`),
    expect: contained(),
  },
  ...['done', 'log', 'delete'].map(
    (name): Attack => ({
      name: `trap-in-${name}`,
      module: () =>
        guest({
          callbacks: {
            [`proxy_on_${name}`]: `(if (i32.ne (local.get 0) (i32.const 1)) (then (unreachable))) ${name === 'done' ? '(i32.const 1)' : ''}`,
          },
        }),
      expect: lateCrash('trap', `proxy_on_${name}`),
    }),
  ),
  {
    name: 'trap-in-the-end-of-the-plugin',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: CONTINUE,
          proxy_on_delete: '(if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))',
        },
      }),
    expect: { ...contained(), crash: { causes: ['trap'], callback: 'proxy_on_delete', atItsEnd: true } },
  },
];
