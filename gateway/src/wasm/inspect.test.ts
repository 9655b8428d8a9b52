import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { inspectModule } from './inspect.ts';
import { guessLanguage, type ModuleNames, readProducers } from './language.ts';
import { assemble, pluginModule } from './wat.suite.ts';

const marked = '(func (export "proxy_abi_version_0_2_1"))';
const memory = '(memory (export "memory") 1)';

/** A module with further custom sections. */
function withSections(module: Uint8Array, sections: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts = Object.entries(sections).map(([name, payload]) => {
    const content = Buffer.concat([Buffer.of(name.length), Buffer.from(name), payload]);
    return Buffer.concat([Buffer.of(0, content.length), content]);
  });
  return Buffer.concat([module, ...parts]);
}

function producers(field: string, name: string, version: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
  return Buffer.concat([Buffer.of(1), text(field), Buffer.of(1), text(name), text(version)]);
}

describe('a module that would run', () => {
  const bytes = pluginModule({
    callbacks: {
      proxy_on_request_headers: '(drop (call $log (i32.const 2) (i32.const 0) (i32.const 0))) (i32.const 0)',
    },
    imports: `(import "env" "proxy_never_heard" (func)) (import "wasi_snapshot_preview1" "sock_accept" (func))
      (import "other" "thing" (func))`,
    fields: '(table 3 5 funcref) (func (export "extra"))',
    memory: '2 40',
  });

  it('is told whole', () => {
    expect(inspectModule(bytes)).toMatchObject({
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      bytes: bytes.length,
      abi: '0.2.1',
      language: '',
      imports: [
        { name: 'env.proxy_log', kind: 'real' },
        { name: 'env.proxy_never_heard', kind: 'none' },
        { name: 'wasi_snapshot_preview1.sock_accept', kind: 'none' },
        { name: 'other.thing', kind: 'foreign' },
      ],
      callbacks: ['proxy_on_request_headers'],
      otherExports: ['memory', 'proxy_abi_version_0_2_1', 'proxy_on_memory_allocate', 'extra'],
      functions: 4,
      memory: { initial: 2, maximum: 40 },
      tables: [{ initial: 3, maximum: 5 }],
      leastMemory: 131_072,
      refusals: [],
      warnings: ['answered "unimplemented": env.proxy_never_heard, wasi_snapshot_preview1.sock_accept, other.thing'],
    });
  });

  it('has sections with their sizes', () => {
    const { sections } = inspectModule(withSections(bytes, { 'go:buildid': Buffer.alloc(5), note: Buffer.alloc(0) }));
    expect(sections.filter(({ custom }) => custom)).toEqual([
      { name: 'go:buildid', custom: true, bytes: 5 },
      { name: 'note', custom: true, bytes: 0 },
    ]);
    expect(sections.find(({ name }) => name === 'memory')).toEqual({ name: 'memory', custom: false, bytes: 4 });
  });

  it('has every host call of the interface', () => {
    const calls = ['proxy_http_call', 'proxy_get_property', 'proxy_done', 'abort'];
    const imports = calls.map((name) => `(import "env" "${name}" (func))`).join('');
    expect(inspectModule(pluginModule({ imports })).imports.map(({ kind }) => kind)).toEqual(calls.map(() => 'real'));
  });

  it('may lack what makes it useful', () => {
    const { refusals, warnings } = inspectModule(assemble(`(module ${memory} ${marked})`));
    expect(refusals).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/nothing can be handed/), expect.stringMatching(/no callback/)]);
  });
});

describe('a module that would be refused', () => {
  it.each<[string, Uint8Array, readonly RegExp[]]>([
    ['nothing', new Uint8Array(0), [/not a WebAssembly module/]],
    ['text', Buffer.from('(module)'), [/not a WebAssembly module/]],
    ['cut off', pluginModule({}).subarray(0, 60), [/damaged/]],
    ['too large', new Uint8Array(LIMITS.pluginModuleBytes + 1), [/more than/]],
    ['without marker', pluginModule({ marker: '' }), [/no Proxy-Wasm marker/]],
    ['with the marker of another', pluginModule({ marker: 'proxy_abi_version_9_9_9' }), [/proxy_abi_version_9_9_9/]],
    ['without memory and marker', assemble('(module)'), [/memory/, /no Proxy-Wasm marker/]],
    [
      'that imports its memory',
      assemble(`(module (import "env" "memory" (memory 1)) ${marked})`),
      [/env\.memory/, /exactly one memory/],
    ],
    ['with an endless table', assemble(`(module ${marked} ${memory} (table 4000000 funcref))`), [/table/]],
  ])('says all that is wrong: %s', (_what, bytes, reasons) => {
    const { refusals } = inspectModule(bytes);
    expect(refusals).toEqual(reasons.map((reason) => expect.stringMatching(reason)));
  });

  it('is told of as far as it can be read, at every length', () => {
    const bytes = withSections(pluginModule({ fields: '(table 3 5 funcref)' }), {
      producers: producers('language', 'C', '17'),
    });
    for (let length = 0; length < bytes.length; length++) {
      const report = inspectModule(bytes.subarray(0, length));
      expect(report.bytes).toBe(length);
      if (report.refusals.length === 0)
        expect(WebAssembly.validate(Uint8Array.from(bytes.subarray(0, length)))).toBe(true);
    }
  });
});

describe('the language of a module', () => {
  const none: ModuleNames = { producers: {}, imports: [], exports: [], customSections: [], bytes: new Uint8Array(0) };
  it.each<[string, Partial<ModuleNames>]>([
    ['Rust', { producers: { language: ['Rust'], 'processed-by': ['rustc 1.85', 'clang 19'] } }],
    ['TinyGo', { producers: { 'processed-by': ['TinyGo 0.30'] } }],
    ['TinyGo', { exports: ['asyncify_start_unwind'] }],
    ['Go', { customSections: ['go:buildid', 'name'] }],
    ['AssemblyScript', { imports: ['env.abort'] }],
    ['AssemblyScript', { exports: ['memory', '__pin'] }],
    ['AssemblyScript', { bytes: Buffer.from('..~lib/rt/tcms.ts', 'utf16le') }],
    ['Rust', { bytes: Buffer.from('at /rustc/0123/library/core') }],
    ['C++', { imports: ['env.emscripten_notify_memory_growth'] }],
    ['C', { producers: { 'processed-by': ['clang 17'] } }],
    ['', { producers: { 'processed-by': ['a tool'] } }],
    ['', {}],
  ])('%s', (language, names) => {
    expect(guessLanguage({ ...none, ...names })).toBe(language);
  });

  it('is read from what its tools left', () => {
    const section = producers('language', 'Rust', '1.85');
    expect(readProducers(section)).toEqual({ language: ['Rust 1.85'] });
    for (let length = 0; length < section.length; length++) readProducers(section.subarray(0, length));
    const module = withSections(pluginModule({}), { producers: section });
    expect(inspectModule(module)).toMatchObject({ language: 'Rust', producers: { language: ['Rust 1.85'] } });
  });
});
