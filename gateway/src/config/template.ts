/** Names of the variables of a path template, or what is wrong with it. */
export function templateNames(template: string): { names: string[] } | { message: string; remedy: string } {
  const names: string[] = [];
  const segments = template.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const variable = /^\{([A-Za-z_][A-Za-z0-9_-]{0,63})(?:=(\*{1,2}))?\}$/.exec(segment);
    if (variable === null) {
      if (!/[{}]/.test(segment)) continue;
      return {
        message: `"${segment}" is not a variable`,
        remedy: 'make a variable a whole segment such as {id} or {rest=**}',
      };
    }
    const name = variable[1]!;
    if (names.includes(name)) return { message: `the variable {${name}} is there twice`, remedy: 'rename one of them' };
    if (variable[2] === '**' && index < segments.length - 1) {
      return { message: `{${name}=**} is not at the end`, remedy: 'put the variable that takes the rest last' };
    }
    names.push(name);
  }
  return { names };
}

/** Names that a path to be written uses as `{name}`. */
export function usedNames(pattern: string): string[] {
  return [...pattern.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]!);
}
