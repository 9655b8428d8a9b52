import { compilePlugin } from '../compile.ts';
import { readFileSync } from 'node:fs';
import { guest } from './guests.ts';

/** What the SDK's JSON reader made of a text. */
export type Parsed = { value: unknown } | { error: string; offset: number };

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  reserve(length: number): number;
  parse(): number;
  outputAt(): number;
  outputLength(): number;
}

/** The SDK's JSON reader, compiled and callable: one function from text to value or error. */
export async function loadJsonReader(): Promise<(text: string) => Parsed> {
  const { path } = await compilePlugin(guest('json'));
  const module = new WebAssembly.Module(readFileSync(path));
  const env = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, () => 0]));
  const instance = new WebAssembly.Instance(module, { env });
  const reader = instance.exports as unknown as Exports;
  reader._initialize();
  return (text) => {
    const at = reader.reserve(text.length);
    new Uint16Array(reader.memory.buffer, at, text.length).set(Array.from(text, unitsOf).flat());
    const offset = reader.parse();
    const output = String.fromCharCode(
      ...new Uint16Array(reader.memory.buffer, reader.outputAt(), reader.outputLength()),
    );
    return offset < 0 ? { value: new Reader(output).value() } : { error: output, offset };
  };
}

function unitsOf(character: string): number[] {
  return character.split('').map((unit) => unit.charCodeAt(0));
}

/** Reads the guest's rendering of a document. */
class Reader {
  #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): unknown {
    switch (this.#text[this.#at++]) {
      case 'n':
        return null;
      case 't':
        return true;
      case 'f':
        return false;
      case 'd':
        return this.#number();
      case 's':
        return this.#string();
      case 'a':
        return Array.from({ length: Number(this.#until(';')) }, () => this.value());
      default:
        return Object.fromEntries(Array.from({ length: Number(this.#until(';')) }, () => this.#member()));
    }
  }

  #member(): [string, unknown] {
    this.#at++;
    return [this.#string(), this.value()];
  }

  #number(): number {
    const [bits, integer] = this.#until(';').split(',') as [string, string];
    const float = new DataView(new BigInt64Array([BigInt(bits)]).buffer).getFloat64(0, true);
    if (integer !== '' && Number(integer) !== float) throw new Error(`integer ${integer} differs from float ${float}`);
    return float;
  }

  #string(): string {
    const length = Number(this.#until(';'));
    this.#at += length;
    return this.#text.slice(this.#at - length, this.#at);
  }

  #until(mark: string): string {
    const end = this.#text.indexOf(mark, this.#at);
    const part = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return part;
  }
}
