import { Act, State, TABLE, endsNumber } from './grammar';
import { Levels } from './levels';
import { Name, TOO_LONG } from './name';
import { output } from './output';
import { COMPLETE } from './path-set';
import { Rules } from './rules';
import { endOfPlain, endOfSpaces } from './scan';

/** No value is being masked. */
const NONE: i32 = -1;

const QUOTE = 0x22;

/**
 * Reads JSON piece by piece and writes it to `output` with the values of some members replaced, everything else byte by
 * byte as it came. Pieces may end anywhere: what is kept between them does not depend on the size of the document. As
 * strict as `JSON.parse`, but that documents may follow one another; what is broken is not passed on.
 */
@final
export class Masker {
  /** Bytes that were read; when the document is broken, those before the fault. */
  position: u64 = 0;
  /** The last piece differs from what it was made of. */
  changed: bool = false;
  private state: State = State.Start;
  private failed: bool = false;
  private levels: Levels;
  /** What was read of a name that is not in one place. */
  private name: Name;
  /** The string that is being read is a name, but none that can be looked for. */
  private isOtherName: bool = false;
  /** The paths that lead on from the next value. */
  private paths: u64;
  /** How deep the value stands that is being masked, or NONE. */
  private masked: i32 = NONE;
  /** From here on the piece has not been written yet. */
  private from: usize = 0;

  constructor(private rules: Rules) {
    const paths = rules.paths.all;
    this.levels = new Levels(paths);
    this.name = new Name(rules.longest);
    this.paths = paths;
  }

  /** The document can end here. */
  get isComplete(): bool {
    const state = this.state;
    return state == State.Start || state == State.Top || (this.levels.depth == 0 && endsNumber(state));
  }

  /** Reads a piece. `output` holds what it becomes, if it has `changed`. False: the document is broken. */
  read(piece: ArrayBuffer): bool {
    const start = changetype<usize>(piece);
    const end = start + piece.byteLength;
    output.begin(piece.byteLength);
    this.changed = this.masked != NONE;
    this.from = start;
    const at = this.pass(start, end);
    this.position += at - start;
    if (this.failed) return false;
    if (this.changed && this.masked == NONE) output.add(this.from, <i32>(end - this.from));
    return true;
  }

  /** Reads to the end, or to a fault; answers where that is. */
  @inline
  private pass(at: usize, end: usize): usize {
    let state = this.state;
    while (at < end) {
      let next: i32 = 0;
      // Most bytes lead to a state and no further: nothing else is in this loop, which pays for all that is in it.
      while (at < end) {
        next = load<u8>((state << 8) + load<u8>(at), TABLE);
        if (next >= Act.Fail) break;
        state = <State>next;
        at++;
      }
      this.state = state;
      if (at == end) break;
      at = this.act(next, at, end);
      if (this.failed) break;
      state = this.state;
    }
    return at;
  }

  /** Does what the byte asks for; answers where to read on. */
  @inline
  private act(act: i32, at: usize, end: usize): usize {
    switch (act) {
      case Act.BeginText:
        return this.runText(at + 1, end);
      case Act.RunText:
        return this.runText(at, end);
      case Act.EndText:
        return this.endText(at);
      case Act.BeginName:
        return this.masked == NONE ? this.runName(at + 1, end) : this.runOtherName(at + 1, end);
      case Act.RunName:
        return this.runName(at, end);
      case Act.EndName:
        return this.endName(at);
      case Act.NameUnit:
        return this.addUnit(unescaped(load<u8>(at)), at);
      case Act.NameDigit:
        return this.addDigit(at);
      case Act.OpenObject:
      case Act.OpenList:
        return this.open(act == Act.OpenObject, at);
      case Act.Close:
        return this.close(at);
      case Act.EndNumber:
        return this.endValue(at);
      case Act.EndWord:
        return this.endValue(at + 1);
      case Act.BeginMask:
        return this.beginMask(at);
      case Act.SkipBlanks:
        return endOfSpaces(at + 1, end);
      default:
        this.failed = true;
        return at;
    }
  }

  // --- values

  @inline
  private open(isObject: bool, at: usize): usize {
    this.failed = !this.levels.open(isObject, this.paths);
    this.state = isObject ? State.FirstMember : State.FirstItem;
    return at + 1;
  }

  @inline
  private close(at: usize): usize {
    this.levels.close();
    this.paths = this.levels.paths;
    return this.endValue(at + 1);
  }

  /** @param at the first byte behind the value */
  @inline
  private endValue(at: usize): usize {
    const levels = this.levels;
    this.state = levels.after;
    if (levels.depth == this.masked) {
      this.masked = NONE;
      this.from = at;
    }
    return at;
  }

  /** From here on nothing is passed on until the value has ended. */
  private beginMask(at: usize): usize {
    const mask = this.rules.mask;
    this.state = State.Value;
    this.changed = true;
    this.masked = this.levels.depth;
    output.add(this.from, <i32>(at - this.from));
    output.add(changetype<usize>(mask), mask.byteLength);
    return at;
  }

  /** Reads on in a string. */
  @inline
  private runText(at: usize, end: usize): usize {
    const to = endOfPlain(at, end);
    if (to < end && load<u8>(to) == QUOTE) return this.endText(to);
    this.state = State.Text;
    return to;
  }

  @inline
  private endText(at: usize): usize {
    if (!this.isOtherName) return this.endValue(at + 1);
    this.isOtherName = false;
    if (this.masked == NONE) this.look(0, TOO_LONG);
    else this.state = State.Colon;
    return at + 1;
  }

  // --- names

  /** Reads on in a name. */
  @inline
  private runName(at: usize, end: usize): usize {
    const to = endOfPlain(at, end);
    const name = this.name;
    if (name.isEmpty && to < end && load<u8>(to) == QUOTE) {
      this.look(at, <i32>(to - at));
      return to + 1;
    }
    this.state = State.Name;
    name.add(at, <i32>(to - at));
    return this.afterPart(to);
  }

  /** Reads on in a name that need not be known. */
  private runOtherName(at: usize, end: usize): usize {
    this.isOtherName = true;
    return this.runText(at, end);
  }

  private endName(at: usize): usize {
    const name = this.name;
    name.flush();
    this.look(changetype<usize>(name.bytes), name.size);
    name.clear();
    return at + 1;
  }

  private addUnit(unit: u32, at: usize): usize {
    this.state = State.Name;
    this.name.addUnit(unit);
    return this.afterPart(at + 1);
  }

  private addDigit(at: usize): usize {
    const name = this.name;
    name.addDigit(hexDigit(load<u8>(at)));
    if (this.state == State.NameHex4) return this.addUnit(name.digits, at);
    this.state = <State>(this.state + 1);
    return at + 1;
  }

  /** A name that has become too long to be one of those that are looked for is read on as any other string. */
  private afterPart(at: usize): usize {
    if (this.name.size != TOO_LONG) return at;
    this.name.clear();
    this.isOtherName = true;
    this.state = State.Text;
    return at;
  }

  /** The name is complete: is its value masked, and which paths lead on? */
  @inline
  private look(name: usize, size: i32): void {
    const rules = this.rules;
    const levels = this.levels;
    let masked = rules.fields.has(name, size);
    this.paths = levels.paths == 0 ? 0 : rules.paths.step(levels.paths, levels.names, name, size);
    if (this.paths & COMPLETE) masked = true;
    this.state = masked ? State.MaskedColon : State.Colon;
  }
}

/** What a backslash and this byte stand for. */
function unescaped(byte: u32): u32 {
  switch (byte) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return byte;
  }
}

function hexDigit(byte: u32): u32 {
  return byte < 0x3a ? byte - 0x30 : (byte | 0x20) - 0x57;
}
