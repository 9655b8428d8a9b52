/** What the readers of `@config` classes are made of: the compiler's transform imports it where such a class stands. */
export { encodeHeaderName } from '../types/header-text';
export { utf8 } from '../types/text';
export { Settings } from './settings';
export { headerNameProblem, headerValueProblem, lengthProblem } from './text-rules';
export { JsonKind, JsonValue } from './value';

/** The one empty text of all settings that are kept as bytes. */
export const NO_BYTES = new ArrayBuffer(0);
