import { Act, State, TABLE, endsNumber } from './grammar';
import { Levels } from './levels';
import { Name, TOO_LONG, hexDigit, unescaped } from './name';
import { output } from './output';
import { COMPLETE } from './path-set';
import { Rules } from './rules';
import { endOfPlain, endOfSpaces } from './scan';

/** In the place of what comes after the value that is being masked, which is a member's. */
const ENDS_MASK: State = State.Count;

/** Instructions, in round numbers: of each byte, and of each byte that does more than lead on. */
const BYTE_PRICE = 24;
const TURN_PRICE = 100;
/** Of a path that a name is compared with, and of each byte of the name. */
const PATH_PRICE = 130;
const PATH_BYTE_PRICE = 12;

const QUOTE = 0x22;
/** What stands between most names and their values. */
const COLON_QUOTE = 0x223a;

/**
 * Reads JSON piece by piece and writes it to `output` with the values of some members replaced, everything else byte by
 * byte as it came. Pieces may end anywhere: what is kept between them does not depend on the size of the document. As
 * strict as `JSON.parse`, but that documents may follow one another; what is broken is not passed on.
 */
@final
export class Masker {
  /** Bytes that were read; when the document is broken, those before the fault. */
  position: u64 = 0;
  /** About how many instructions were spent so far. */
  work: u64 = 0;
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
  /** A value is being masked. */
  private masks: bool = false;
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
    return state == State.Start || state == State.Top || (this.levels.isEmpty && endsNumber(state));
  }

  /** Reads a piece. `output` holds what it becomes, if it has `changed`. False: the document is broken. */
  read(piece: ArrayBuffer): bool {
    const start = changetype<usize>(piece);
    const end = start + piece.byteLength;
    output.begin(piece.byteLength);
    this.changed = this.masks;
    this.from = start;
    const at = this.pass(start, end);
    this.position += at - start;
    this.work += (at - start) * BYTE_PRICE;
    if (this.failed) return false;
    if (this.changed && !this.masks) output.add(this.from, <i32>(end - this.from));
    return true;
  }

  /**
   * Reads to the end, or to a fault; answers where that is. Long, and what it calls is inlined: every call and every turn
   * of a loop costs fuel, and this is where documents are paid for.
   */
  private pass(at: usize, end: usize): usize {
    const levels = this.levels;
    let state = this.state;
    let turns = 0;
    while (at < end) {
      let act: i32 = 0;
      turns++;
      // Most bytes lead to a state and no further.
      do {
        act = load<u8>((state << 8) + load<u8>(at), TABLE);
        if (act >= Act.Fail) break;
        state = <State>act;
        at++;
      } while (at != end);
      if (at == end) break;
      if (act >= Act.EndNumber) {
        if (act != Act.EndNumber) at++;
        if (act == Act.Close) {
          levels.close();
          this.paths = levels.paths;
        }
        state = levels.after;
        if (state == ENDS_MASK) state = this.endMask(at);
        continue;
      }
      if (act >= Act.OpenObject) {
        const after = act == Act.OpenObject ? State.AfterMember : State.AfterItem;
        if (!levels.open(after, this.paths)) {
          this.failed = true;
          break;
        }
        state = act == Act.OpenObject ? State.FirstMember : State.FirstItem;
        at++;
        continue;
      }
      if (act == Act.BeginName && !this.masks) {
        const from = at + 1;
        at = endOfPlain(from, end);
        if (!endsHere(at, end)) {
          this.name.add(from, <i32>(at - from));
          state = this.afterPart();
          continue;
        }
        state = this.look(from, <i32>(at - from));
        at++;
        if (state != State.Colon || at + 2 > end || load<u16>(at) != COLON_QUOTE) continue;
        at++;
        act = Act.BeginText;
      }
      if (act == Act.BeginText) {
        at = endOfPlain(at + 1, end);
        if (endsHere(at, end)) {
          at++;
          state = levels.after;
          if (state == ENDS_MASK) state = this.endMask(at);
        } else {
          state = State.Text;
        }
      } else if (act == Act.SkipBlanks) {
        at = endOfSpaces(at + 1, end);
      } else {
        this.state = state;
        at = this.act(act, at, end);
        if (this.failed) break;
        state = this.state;
      }
    }
    this.state = state;
    this.work += turns * TURN_PRICE;
    return at;
  }

  /** Does what the byte asks for; answers where to read on. */
  private act(act: i32, at: usize, end: usize): usize {
    this.work += TURN_PRICE;
    switch (act) {
      case Act.BeginName:
        this.state = this.beginOtherName();
        return at + 1;
      case Act.RunText:
        return endOfPlain(at, end);
      case Act.EndText:
        return this.endText(at + 1);
      case Act.RunName:
        return this.runName(at, end);
      case Act.EndName:
        return this.endName(at + 1);
      case Act.NameUnit:
        return this.addUnit(unescaped(load<u8>(at)), at + 1);
      case Act.NameDigit:
        return this.addDigit(hexDigit(load<u8>(at)), at + 1);
      case Act.BeginMask:
        return this.beginMask(at);
      default:
        this.failed = true;
        return at;
    }
  }

  // --- values

  /** @param at the first byte behind the string */
  private endText(at: usize): usize {
    const after = this.levels.after;
    if (this.isOtherName) this.state = this.endOtherName();
    else this.state = after == ENDS_MASK ? this.endMask(at) : after;
    return at;
  }

  /** From here on nothing is passed on until the value has ended. */
  private beginMask(at: usize): usize {
    const mask = this.rules.mask;
    this.state = State.Value;
    this.changed = true;
    this.masks = true;
    this.levels.after = ENDS_MASK;
    output.add(this.from, <i32>(at - this.from));
    output.add(changetype<usize>(mask), mask.byteLength);
    return at;
  }

  /** @param at the first byte behind the value */
  private endMask(at: usize): State {
    this.masks = false;
    this.from = at;
    this.levels.after = State.AfterMember;
    return State.AfterMember;
  }

  // --- names

  /** Reads on in a name. */
  private runName(at: usize, end: usize): usize {
    const to = endOfPlain(at, end);
    this.name.add(at, <i32>(to - at));
    this.state = this.afterPart();
    return to;
  }

  private endName(at: usize): usize {
    const name = this.name;
    name.flush();
    this.state = this.look(changetype<usize>(name.bytes), name.size);
    name.clear();
    return at;
  }

  private addUnit(unit: u32, at: usize): usize {
    this.name.addUnit(unit);
    this.state = this.afterPart();
    return at;
  }

  private addDigit(digit: u32, at: usize): usize {
    const name = this.name;
    name.addDigit(digit);
    if (this.state == State.NameHex4) return this.addUnit(name.digits, at);
    this.state = <State>(this.state + 1);
    return at;
  }

  /** A name that has become too long to be one of those that are looked for need not be known any further. */
  private afterPart(): State {
    if (this.name.size != TOO_LONG) return State.Name;
    this.name.clear();
    return this.beginOtherName();
  }

  /** Such a name is read as any other string. */
  private beginOtherName(): State {
    this.isOtherName = true;
    return State.Text;
  }

  private endOtherName(): State {
    this.isOtherName = false;
    return this.masks ? State.Colon : this.look(0, TOO_LONG);
  }

  /** The name is complete: is its value masked, and which paths lead on? */
  @inline
  private look(name: usize, size: i32): State {
    const fields = this.rules.fields;
    const masked = fields.mayHave(size) && fields.has(name, size);
    const paths = this.levels.paths;
    if (paths != 0 && this.lookForPath(paths, name, size)) return State.MaskedColon;
    return masked ? State.MaskedColon : State.Colon;
  }

  /** Does a path end with this name? */
  private lookForPath(paths: u64, name: usize, size: i32): bool {
    const price = PATH_PRICE + (size == TOO_LONG ? 0 : size * PATH_BYTE_PRICE);
    this.work += popcnt(paths) * price;
    this.paths = this.rules.paths.step(paths, this.levels.names, name, size);
    return (this.paths & COMPLETE) != 0;
  }
}

/** The string that was read up to here ends here. */
// @ts-ignore: decorator
@inline
function endsHere(at: usize, end: usize): bool {
  return at < end && load<u8>(at) == QUOTE;
}
