// What would break or bend a head, if it got into one; and maps that are none.
import { type Attack, contained, crash, REQUEST_HEADERS } from '../attack.ts';
import { CONTINUE, data, endless, guest, mapBytes, must, onRequest, SLOTS, SPACE, times, COUNTER } from '../guest.ts';

const NAME_AT = SPACE;
const VALUE_AT = SPACE + 512;

function put(call: string, map: number, name: string, value: string): string {
  return `(call $${call} (i32.const ${map}) (i32.const ${NAME_AT}) (i32.const ${name.length}) (i32.const ${VALUE_AT}) (i32.const ${value.length}))`;
}

/** By each of the ways to write one, on the request and on the response; all must be refused. */
function injection(label: string, name: string, value: string): Attack {
  const pairs = mapBytes([name, value]);
  const set = (map: number): string =>
    `(call $set_header_map_pairs (i32.const ${map}) (i32.const 8192) (i32.const ${pairs.length}))`;
  const reply = `(call $send_local_response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192) (i32.const ${pairs.length}) (i32.const -1))`;
  const isPseudo = name.startsWith(':');
  const all = (map: number): string =>
    [
      put('add_header_map_value', map, name, value),
      put('replace_header_map_value', map, name, value),
      set(map),
      ...(isPseudo ? [] : [reply]),
    ]
      .map((call) => must(`(i32.eq ${call} (i32.const 2))`))
      .join('\n');
  return {
    name: `inject-${label}`,
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `${all(0)} ${CONTINUE}`,
          proxy_on_response_headers: `${all(2)} ${CONTINUE}`,
        },
        fields: `${data(NAME_AT, name)} ${data(VALUE_AT, value)} ${data(8192, pairs)}`,
      }),
    expect: contained(),
  };
}

/** What is no serialised map. */
function malformed(label: string, bytes: Uint8Array, memory = '1'): Attack {
  const span = `(i32.const 8192) (i32.const ${bytes.length})`;
  const none = '(i32.const 0) (i32.const 0)';
  const calls = [
    `(call $set_header_map_pairs (i32.const 0) ${span})`,
    `(call $http_call (i32.const 16) (i32.const 4) ${span} ${none} ${none} (i32.const 100) (i32.const ${SLOTS}))`,
    `(call $send_local_response (i32.const 200) ${none} ${none} ${span} (i32.const -1))`,
  ];
  return {
    name: `map-${label}`,
    module: onRequest(
      `${calls.map((call) => must(`(i32.eq ${call} (i32.const 2))`)).join('\n')} ${CONTINUE}`,
      data(8192, bytes),
      { memory },
    ),
    expect: contained(),
    limits: { fuel: 5_000_000 },
  };
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value >>> 0, index * 4));
  return bytes;
}

export const headers: readonly Attack[] = [
  injection('cr-lf', 'x-a', 'a\r\nevil: 1'),
  injection('lf', 'x-a', 'a\nevil: 1'),
  injection('cr', 'x-a', 'a\rb'),
  injection('nul', 'x-a', 'a\0b'),
  injection('a-whole-response', 'x-a', '\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  injection('a-name-with-cr-lf', 'x-a\r\nevil', '1'),
  injection('a-name-with-a-colon', 'x-a:', '1'),
  injection('a-name-with-a-space', 'x a', '1'),
  injection('a-name-of-bytes', 'x-\xff', '1'),
  injection('a-name-with-nul', 'x\0a', '1'),
  injection('no-name', '', '1'),
  injection('an-unknown-pseudo-header', ':evil', '1'),
  {
    name: 'inject-into-pseudo-headers',
    module: onRequest(
      `${[
        [0, 5, 10, 4],
        [0, 5, 20, 14],
        [40, 7, 50, 3],
        [60, 10, 80, 6],
        [100, 7, 110, 4],
      ]
        .map(([name, length, value, size]) =>
          must(
            `(i32.eq (call $replace_header_map_value (i32.const 0) (i32.const ${SPACE + name!}) (i32.const ${length}) (i32.const ${SPACE + value!}) (i32.const ${size})) (i32.const 2))`,
          ),
        )
        .join('\n')}
      (drop (call $remove_header_map_value (i32.const 0) (i32.const ${SPACE}) (i32.const 5))) ${CONTINUE}`,
      [
        [0, ':path'],
        [10, '/a b'],
        [20, '/ HTTP/1.1\r\nx:'],
        [40, ':method'],
        [50, 'G T'],
        [60, ':authority'],
        [80, 'a/b\r\nc'],
        [100, ':scheme'],
        [110, 'file'],
      ]
        .map(([at, text]) => data(SPACE + Number(at), String(text)))
        .join(' '),
    ),
    expect: contained(),
  },
  {
    name: 'inject-a-tunnel',
    module: onRequest(
      `${must(`(i32.eq (call $replace_header_map_value (i32.const 0) (i32.const ${SPACE}) (i32.const 7) (i32.const ${SPACE + 16}) (i32.const 7)) (i32.const 2))`)} ${CONTINUE}`,
      `${data(SPACE, ':method')} ${data(SPACE + 16, 'CONNECT')}`,
    ),
    expect: contained(),
  },
  {
    name: 'inject-framing',
    // Lengths and codings are the gateway's own: whatever a plugin says of them, the upstream gets a request in order.
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `${framing(0)} ${CONTINUE}`,
          proxy_on_response_headers: `${framing(2)} ${CONTINUE}`,
        },
        fields: `${data(SPACE, 'content-length')} ${data(SPACE + 32, 'transfer-encoding')} ${data(SPACE + 64, 'connection')}
          ${data(SPACE + 96, 'chunked, chunked')} ${data(SPACE + 128, '7, 9')}`,
      }),
    expect: contained(),
  },
  {
    name: 'inject-a-status',
    module: () =>
      guest({
        callbacks: {
          proxy_on_response_headers: `${['101', '099', '600', '2x0', '']
            .map((_, index) =>
              must(
                `(i32.eq (call $replace_header_map_value (i32.const 2) (i32.const ${SPACE}) (i32.const 7) (i32.const ${SPACE + 16 + index * 4}) (i32.const ${index === 4 ? 0 : 3})) (i32.const 2))`,
              ),
            )
            .join('\n')} ${CONTINUE}`,
        },
        fields: `${data(SPACE, ':status')} ${data(SPACE + 16, '101 099 600 2x0 ')}`,
      }),
    expect: contained(),
  },
  malformed('of-too-few-bytes', Buffer.of(1, 0, 0)),
  malformed('of-four-billion-pairs', words(-1, 0, 0)),
  malformed('of-a-million-pairs', words(1_000_000, ...Array.from({ length: 64 }, () => 0))),
  malformed('of-a-name-of-4-gib', words(1, -1, 0, 0)),
  malformed('whose-lengths-wrap-round', words(1, 0x7fffffff, 0x80000001, 0)),
  malformed('without-the-last-nul', mapBytes(['a', 'b']).subarray(0, -1)),
  malformed('with-something-behind-it', Buffer.concat([mapBytes(['a', 'b']), Buffer.of(1)])),
  malformed('with-a-name-that-has-no-end', Buffer.concat([words(1, 1, 1), Buffer.from('abcd')])),
  malformed('of-1025-pairs', mapBytes(Array.from({ length: 2050 }, (_, index) => `x${index}`))),
  {
    name: 'map-of-a-million-pairs-of-nothing',
    // A million empty names and values, well formed: 10 MiB.
    module: onRequest(
      `(i32.store (i32.const 65536) (i32.const 1000000))
      ${must('(i32.eq (call $set_header_map_pairs (i32.const 0) (i32.const 65536) (i32.const 10000004)) (i32.const 2))')} ${CONTINUE}`,
      '',
      { memory: '200' },
    ),
    expect: { closed: ['200', 'SLUICE_PLUGIN_FAILED'], open: ['200'] },
    limits: { memoryMiB: 16, fuel: 5_000_000 },
  },
  {
    name: 'map-is-written-over-and-over',
    module: onRequest(
      `${endless('(drop (call $set_header_map_pairs (i32.const 0) (i32.const 8192) (i32.const 8214)))')} ${CONTINUE}`,
      data(8192, mapBytes(['x', 'y'.repeat(8200)])),
    ),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'headers-without-end',
    module: onRequest(
      `${endless(`(drop ${put('add_header_map_value', 0, 'x-a', 'y'.repeat(400))})`)} ${CONTINUE}`,
      `${data(NAME_AT, 'x-a')} ${data(VALUE_AT, 'y'.repeat(400))}`,
    ),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'headers-until-none-fits',
    // What it adds is bounded; whether the service takes that much is another question.
    module: onRequest(
      `${times(2000, `(drop ${put('add_header_map_value', 0, 'x-a', 'y'.repeat(400))})`)} ${CONTINUE}`,
      `${COUNTER} ${data(NAME_AT, 'x-a')} ${data(VALUE_AT, 'y'.repeat(400))}`,
    ),
    expect: contained(),
    limits: { fuel: 100_000_000 },
  },
  {
    name: 'headers-read-all-over-again',
    module: onRequest(
      `${endless(`(drop (call $get_header_map_pairs (i32.const 0) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4})))`)} ${CONTINUE}`,
      '',
      { allocator: '(i32.const 8192)' },
    ),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'maps-that-do-not-exist',
    module: onRequest(
      `${[8, 9, 255, -1, 0x7fffffff]
        .map((map) => must(`(i32.eq ${put('add_header_map_value', map, 'x-a', '1')} (i32.const 2))`))
        .join('\n')} ${CONTINUE}`,
    ),
    expect: contained(),
  },
];

/** Writes what frames a message, and does not mind being refused. */
function framing(map: number): string {
  const write = (name: number, length: number, value: number, size: number): string =>
    `(drop (call $replace_header_map_value (i32.const ${map}) (i32.const ${SPACE + name}) (i32.const ${length}) (i32.const ${SPACE + value}) (i32.const ${size})))`;
  return [write(0, 14, 128, 4), write(32, 17, 96, 16), write(64, 10, 32, 17)].join('\n');
}
