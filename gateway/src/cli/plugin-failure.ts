import { clean } from './clean-text.ts';

/** What the gateway adds to its line about a plugin that has failed, as an author reads it; '' for other lines. */
export function failureText(fields: Readonly<Record<string, unknown>>): string {
  const { callback, cause, fuelBudget, stack } = fields;
  if (typeof callback !== 'string' || typeof cause !== 'string') return '';
  const reason =
    cause === 'fuel' ? `its CPU budget of ${String(fuelBudget)} instructions is used up` : `cause ${cause}`;
  const names = typeof stack === 'string' ? functionsIn(stack) : [];
  const place = names.length === 0 ? "; 'sluice plugin build --debug' keeps the names" : `: ${names.join(' < ')}`;
  return clean(` (${reason}; in ${callback}${place})`);
}

/** Most functions that are named, the innermost first. */
const NAMED = 8;

/** Names of the module's own functions; none when it was built without. */
function functionsIn(stack: string): string[] {
  return [...stack.matchAll(/^\s+at (\S+) \(wasm:/gm)].slice(0, NAMED).map(([, name = '']) => name);
}
