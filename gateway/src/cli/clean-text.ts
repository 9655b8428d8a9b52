/** Text of others on one line, so that it steers no terminal: controls are shown as `?`. */
export function clean(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}
