import { HeaderMap, Settings, TextPair, encodeHeaderName, utf8 } from '@sluice/plugin-sdk';

/** Framing and connection headers: wrong ones would break the message, so the gateway alone writes them. */
const MANAGED: string[] = [
  'connection', 'content-length', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
];

/** A name and what belongs to it, ready for the host. */
@final
class Step {
  constructor(readonly name: ArrayBuffer, readonly value: ArrayBuffer) {}
}

/** What is done to the headers of one direction: remove, then rename, then set, then append. */
@config
export class Rewrite {
  /** List of names: every value of the header goes. */
  remove: string[] = [];
  /** `old: new`: every value of `old` moves to `new`, whose own values go; nothing happens when `old` is absent. */
  rename: TextPair[] = [];
  /** `name: value`: one value in place of all; added when absent. */
  @headerValue set: TextPair[] = [];
  /** `name: value`: one more value. */
  @headerValue append: TextPair[] = [];

  private removes: ArrayBuffer[] = [];
  private renames: Step[] = [];
  private sets: Step[] = [];
  private appends: Step[] = [];

  check(settings: Settings): void {
    for (let i = 0; i < this.remove.length; i++) {
      const name = nameOf(settings, `remove[${i}]`, this.remove[i]);
      if (name) this.removes.push(name);
    }
    for (let i = 0; i < this.rename.length; i++) {
      const at = 'rename.' + this.rename[i].name;
      const from = nameOf(settings, at, this.rename[i].name);
      const to = nameOf(settings, at, this.rename[i].value);
      if (from && to) this.renames.push(new Step(from, to));
    }
    prepare(settings, 'set.', this.set, this.sets);
    prepare(settings, 'append.', this.append, this.appends);
  }

  apply(headers: HeaderMap): void {
    for (let i = 0; i < this.removes.length; i++) headers.removeBytes(this.removes[i]);
    for (let i = 0; i < this.renames.length; i++) rename(headers, this.renames[i].name, this.renames[i].value);
    for (let i = 0; i < this.sets.length; i++) headers.setBytes(this.sets[i].name, this.sets[i].value);
    for (let i = 0; i < this.appends.length; i++) headers.appendBytes(this.appends[i].name, this.appends[i].value);
  }
}

/** Moves every value of one name to another, whose own values go; does nothing when the first is absent. */
function rename(headers: HeaderMap, from: ArrayBuffer, to: ArrayBuffer): void {
  const first = headers.getBytes(from);
  if (!first) return;
  const values = headers.getAll(String.UTF8.decode(from));
  headers.removeBytes(from);
  headers.setBytes(to, first);
  for (let i = 1; i < values.length; i++) headers.append(String.UTF8.decode(to), values[i]);
}

function prepare(settings: Settings, at: string, pairs: TextPair[], into: Step[]): void {
  for (let i = 0; i < pairs.length; i++) {
    const name = nameOf(settings, at + pairs[i].name, pairs[i].name);
    if (name) into.push(new Step(name, utf8(pairs[i].value)));
  }
}

/** Bytes of a header name from the configuration; null after a problem was noted. */
function nameOf(settings: Settings, at: string, text: string): ArrayBuffer | null {
  const name = encodeHeaderName(text);
  if (!name) settings.reject(at, `names "${text}", which is no header name; must be made of letters, digits and -`);
  else if (MANAGED.includes(String.UTF8.decode(name))) {
    settings.reject(at, `names "${text}", which the gateway alone writes; leave it out`);
  } else return name;
  return null;
}
