/** The grammar of JSON as a table: what each byte does in each state. */

/** What may come next. */
export enum State {
  /** A document, or a byte order mark before it. */
  Start,
  Mark1,
  Mark2,
  /** Another document. */
  Top,
  Value,
  /** A value that is masked. */
  MaskedValue,
  /** The first element of a list, or its end. */
  FirstItem,
  AfterItem,
  /** The first member of an object, or its end. */
  FirstMember,
  Member,
  AfterMember,
  Colon,
  /** The colon before a value that is masked. */
  MaskedColon,
  Text,
  TextEscape,
  TextHex1,
  TextHex2,
  TextHex3,
  TextHex4,
  Name,
  NameEscape,
  NameHex1,
  NameHex2,
  NameHex3,
  NameHex4,
  /** Numbers, by what was read of them last. */
  Minus,
  Zero,
  Integer,
  Point,
  Fraction,
  Exponent,
  ExponentSign,
  ExponentDigits,
  /** Words, by how many letters of them were read. */
  True1,
  True2,
  True3,
  False1,
  False2,
  False3,
  False4,
  Null1,
  Null2,
  Null3,
  /** Not one of them. */
  Count,
}

/** What a byte asks for that does more than lead to another state. */
export enum Act {
  /** The byte cannot stand here. */
  Fail = 128,
  BeginText,
  RunText,
  EndText,
  BeginName,
  RunName,
  EndName,
  NameUnit,
  NameDigit,
  BeginMask,
  SkipBlanks,
  OpenObject,
  OpenList,
  /** The number has ended before this byte. From here on a value has ended. */
  EndNumber,
  /** The word ends with this byte. */
  EndWord,
  Close,
}

/** 256 bytes for each state: the next state, or from `Act.Fail` on what is to be done. */
export const TABLE: usize = memory.data(<i32>State.Count << 8);

const DIGITS = '0123456789';
const HEX_DIGITS = '0123456789abcdefABCDEF';
const ESCAPED = '"\\/bfnrt';
const BEHIND_NUMBER = ' \t\r\n,]}';

/** In this state, each of these bytes leads to that. */
function on(state: State, bytes: string, to: i32): void {
  for (let i = 0; i < bytes.length; i++) store<u8>(TABLE + (<usize>state << 8) + bytes.charCodeAt(i), to);
}

function onBlanks(state: State): void {
  on(state, ' \t\r', state);
  // Lines are indented: what follows is worth a look at eight bytes at a time.
  on(state, '\n', Act.SkipBlanks);
}

/** Bytes of strings that stand for themselves. */
function onPlain(state: State, to: i32): void {
  memory.fill(TABLE + (<usize>state << 8) + 0x20, <u8>to, 0xe0);
}

function onValue(state: State): void {
  onBlanks(state);
  on(state, '"', Act.BeginText);
  on(state, '{', Act.OpenObject);
  on(state, '[', Act.OpenList);
  on(state, '-', State.Minus);
  on(state, '123456789', State.Integer);
  on(state, '0', State.Zero);
  on(state, 't', State.True1);
  on(state, 'f', State.False1);
  on(state, 'n', State.Null1);
}

/** The rest of a word, letter by letter in states that follow each other. */
function onWord(first: State, rest: string): void {
  const last = rest.length - 1;
  for (let i = 0; i <= last; i++) on(<State>(first + i), rest.charAt(i), i == last ? <i32>Act.EndWord : first + i + 1);
}

function buildStructure(): void {
  onValue(State.Start);
  on(State.Start, '\u00ef', State.Mark1);
  on(State.Mark1, '\u00bb', State.Mark2);
  on(State.Mark2, '\u00bf', State.Top);
  onValue(State.Top);
  onValue(State.Value);
  onBlanks(State.MaskedValue);
  on(State.MaskedValue, '"{[-0123456789tfn', Act.BeginMask);
  onValue(State.FirstItem);
  on(State.FirstItem, ']', Act.Close);
  onBlanks(State.AfterItem);
  on(State.AfterItem, ',', State.Value);
  on(State.AfterItem, ']', Act.Close);
  onBlanks(State.FirstMember);
  on(State.FirstMember, '"', Act.BeginName);
  on(State.FirstMember, '}', Act.Close);
  onBlanks(State.Member);
  on(State.Member, '"', Act.BeginName);
  onBlanks(State.AfterMember);
  on(State.AfterMember, ',', State.Member);
  on(State.AfterMember, '}', Act.Close);
  onBlanks(State.Colon);
  on(State.Colon, ':', State.Value);
  onBlanks(State.MaskedColon);
  on(State.MaskedColon, ':', State.MaskedValue);
}

function buildStrings(): void {
  onPlain(State.Text, Act.RunText);
  on(State.Text, '"', Act.EndText);
  on(State.Text, '\\', State.TextEscape);
  on(State.TextEscape, ESCAPED, State.Text);
  on(State.TextEscape, 'u', State.TextHex1);
  for (let state = State.TextHex1; state < State.TextHex4; state++) on(state, HEX_DIGITS, state + 1);
  on(State.TextHex4, HEX_DIGITS, State.Text);
  onPlain(State.Name, Act.RunName);
  on(State.Name, '"', Act.EndName);
  on(State.Name, '\\', State.NameEscape);
  on(State.NameEscape, ESCAPED, Act.NameUnit);
  on(State.NameEscape, 'u', State.NameHex1);
  for (let state = State.NameHex1; state <= State.NameHex4; state++) on(state, HEX_DIGITS, Act.NameDigit);
}

function buildNumbers(): void {
  on(State.Minus, '0', State.Zero);
  on(State.Minus, '123456789', State.Integer);
  on(State.Integer, DIGITS, State.Integer);
  on(State.Point, DIGITS, State.Fraction);
  on(State.Fraction, DIGITS, State.Fraction);
  on(State.Exponent, '+-', State.ExponentSign);
  on(State.Exponent, DIGITS, State.ExponentDigits);
  on(State.ExponentSign, DIGITS, State.ExponentDigits);
  on(State.ExponentDigits, DIGITS, State.ExponentDigits);
  for (let state = State.Zero; state <= State.ExponentDigits; state++) {
    if (!endsNumber(state)) continue;
    on(state, BEHIND_NUMBER, Act.EndNumber);
    if (state == State.ExponentDigits) continue;
    on(state, 'eE', State.Exponent);
    if (state != State.Fraction) on(state, '.', State.Point);
  }
}

/** What was read of a number is one. */
export function endsNumber(state: State): bool {
  return state == State.Zero || state == State.Integer || state == State.Fraction || state == State.ExponentDigits;
}

memory.fill(TABLE, <u8>Act.Fail, State.Count << 8);
buildStructure();
buildStrings();
buildNumbers();
onWord(State.True1, 'rue');
onWord(State.False1, 'alse');
onWord(State.Null1, 'ull');
