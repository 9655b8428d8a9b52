import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';

interface Address {
  readonly address: string;
  readonly ttl?: number;
}

interface Service {
  readonly priority?: number;
  readonly weight?: number;
  readonly port: number;
  readonly target: string;
}

type Fault = 'servfail' | 'refused' | 'silent' | 'garbage' | 'stranger';
type Entry = { readonly ttl: number; readonly data: Buffer }[] | Fault;

const TYPES: Readonly<Record<string, number>> = { A: 1, AAAA: 28, SRV: 33 };
const RCODE = { ok: 0, servfail: 2, nxdomain: 3, refused: 5 };

/** A DNS server on loopback, with records that the test sets. Names that it has nothing about do not exist. */
export class DnsServer {
  /** `type name` of each question, in order. */
  readonly questions: string[] = [];
  readonly #entries = new Map<string, Entry>();
  readonly #socket: Socket = createSocket('udp4');

  static async start(): Promise<DnsServer> {
    const server = new DnsServer();
    server.#socket.on('message', (message, from) => server.#receive(message, from));
    await new Promise<void>((resolve) => server.#socket.bind(0, '127.0.0.1', resolve));
    return server;
  }

  /** A resolver that asks this server alone, and gives up soon. */
  resolver(): Resolver {
    const resolver = new Resolver({ timeout: 250, tries: 1 });
    resolver.setServers([`127.0.0.1:${this.#socket.address().port}`]);
    return resolver;
  }

  /** Sets the addresses of a name, of both families; none: the name exists and has none. */
  addresses(name: string, ...list: readonly (string | Address)[]): void {
    const addresses = list.map((item) => (typeof item === 'string' ? { address: item } : item));
    for (const [type, bytes] of Object.entries({ A: 4, AAAA: 16 })) {
      const records = addresses.map(({ address, ttl = 60 }) => ({
        ttl,
        data: Buffer.from(ipaddr.parse(address).toByteArray()),
      }));
      this.#entries.set(
        `${type} ${name}`,
        records.filter(({ data }) => data.length === bytes),
      );
    }
  }

  /** Sets the SRV records of a name. */
  services(name: string, ...list: readonly Service[]): void {
    const records = list.map(({ priority = 0, weight = 1, port, target }) => {
      const head = Buffer.alloc(6);
      head.writeUInt16BE(priority, 0);
      head.writeUInt16BE(weight, 2);
      head.writeUInt16BE(port, 4);
      return { ttl: 60, data: Buffer.concat([head, encodeName(target)]) };
    });
    this.#entries.set(`SRV ${name}`, records);
  }

  /** What happens to one question instead of an answer. */
  fault(type: 'A' | 'AAAA' | 'SRV', name: string, fault: Fault): void {
    this.#entries.set(`${type} ${name}`, fault);
  }

  /** The name does not exist any more. */
  remove(name: string): void {
    for (const type of Object.keys(TYPES)) this.#entries.delete(`${type} ${name}`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(message: Buffer, from: RemoteInfo): void {
    const end = message.indexOf(0, 12) + 5;
    const question = message.subarray(12, end);
    const name = decodeName(question);
    const typeNumber = question.readUInt16BE(question.length - 4);
    const type = Object.keys(TYPES).find((key) => TYPES[key] === typeNumber) ?? '';
    this.questions.push(`${type} ${name}`);
    const answer = this.#answer(message.readUInt16BE(0), question, `${type} ${name}`, name);
    if (answer !== null) this.#socket.send(answer, from.port, from.address);
  }

  #answer(id: number, question: Buffer, key: string, name: string): Buffer | null {
    const entry = this.#entries.get(key);
    if (entry === 'silent') return null;
    if (entry === 'garbage') return Buffer.concat([header(id, 0, 3), question, Buffer.alloc(9, 0xff)]);
    // Of someone who does not know the id of the question.
    if (entry === 'stranger') return Buffer.concat([header(id ^ 1, RCODE.nxdomain, 0), question]);
    if (typeof entry === 'string') return Buffer.concat([header(id, RCODE[entry], 0), question]);
    if (entry === undefined) {
      const exists = Object.keys(TYPES).some((type) => this.#entries.has(`${type} ${name}`));
      return Buffer.concat([header(id, exists ? RCODE.ok : RCODE.nxdomain, 0), question]);
    }
    const type = question.readUInt16BE(question.length - 4);
    return Buffer.concat([header(id, 0, entry.length), question, ...entry.map((record) => encodeRecord(type, record))]);
  }
}

function header(id: number, rcode: number, answers: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  // Response, authoritative, recursion desired and available.
  head.writeUInt16BE(0x8580 | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers, 6);
  return head;
}

function encodeRecord(type: number, { ttl, data }: { ttl: number; data: Buffer }): Buffer {
  const head = Buffer.alloc(12);
  // The name is that of the question, at offset 12.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function decodeName(bytes: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; bytes[at] !== 0; at += bytes[at]! + 1) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + bytes[at]!));
  }
  return labels.join('.').toLowerCase();
}
