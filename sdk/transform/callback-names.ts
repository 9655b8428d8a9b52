import { CALLBACKS } from '../callbacks.ts';
import type { ClassPrototype } from './ast.ts';
import { AuthorError } from './author-error.ts';
import { chainOf, isOfSdk } from './exports.ts';

const METHODS = CALLBACKS.flatMap(({ methods }) => methods).map((method) => method.split('.') as [string, string]);

/**
 * Looks for methods that are meant to be callbacks and would never be called: `onRequestheaders`, `static onLog`.
 * @throws AuthorError
 */
export function checkCallbackNames(prototype: ClassPrototype): void {
  const chain = chainOf(prototype);
  const names = METHODS.filter(([base]) => chain.some((each) => isOfSdk(each, base))).map(([, name]) => name);
  const own = [...(prototype.instanceMembers?.values() ?? [])].filter(({ name }) => !names.includes(name));
  for (const { name, declaration } of [...own, ...(prototype.members?.values() ?? [])]) {
    const meant = names.find((callback) => callback.toLowerCase() === name.toLowerCase());
    if (meant === undefined) continue;
    const remedy = meant === name ? 'it is static' : `the callback is ${meant}`;
    throw new AuthorError(declaration.name.range, `${name} would never be called; ${remedy}`);
  }
}
