import { parseAddress } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/errors.ts';
import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { parseTemplate, TemplateError } from '../core/path-template.ts';
import { compileRegex, type Regex } from '../core/regex.ts';
import { isCidr } from './hosts.ts';
import { checkPluginConfig } from './plugin-config.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import type { PluginUse } from './schema-common.ts';
import { isMapping } from './schema-view.ts';
import { suggest } from './suggest.ts';

/** Which of `names` have a value. */
export function given<T extends object>(config: T, names: readonly (keyof T & string)[]): (keyof T & string)[] {
  return names.filter((name) => config[name] !== undefined);
}

/** `a, b or c`. */
export function either(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** Reports when not exactly one of `names` is given; one that is given and cannot be read may be the one. */
export function exactlyOne<T extends object>(
  config: T,
  names: readonly (keyof T & string)[],
  path: Path,
  report: Report,
): void {
  const present = given(config, names);
  if (present.length === 0) {
    if (report.unread(path, names)) return;
    report.add(path, 'SLUICE_CONFIG_MISSING_KEY', `none of ${names.join(', ')} is given`, `give ${either(names)}`);
  } else atMostOne(config, names, path, report);
}

/** Reports when more than one of `names` is given. */
export function atMostOne<T extends object>(
  config: T,
  names: readonly (keyof T & string)[],
  path: Path,
  report: Report,
): void {
  const present = given(config, names);
  if (present.length < 2) return;
  const message = `${present.join(' and ')} exclude each other`;
  report.add([...path, present[1]!], 'SLUICE_CONFIG_CONFLICT', message, `keep ${either(present)}`, 'key');
}

/** Reports each value that stands in the list a second time. */
export function noRepeats(
  values: readonly string[],
  pathOf: (index: number) => Path,
  what: string,
  report: Report,
): void {
  const first = new Map<string, number>();
  for (const [index, value] of values.entries()) {
    const before = first.get(value);
    if (before === undefined) first.set(value, index);
    else {
      const message = `the ${what} ${show(value)} is there twice`;
      report.add(pathOf(index), 'SLUICE_CONFIG_CONFLICT', message, `give each ${what} once`);
    }
  }
}

/** Reports each address of a list of endpoints that cannot be connected to, or stands there twice. */
export function checkAddresses(endpoints: readonly { readonly address: string }[], path: Path, report: Report): void {
  const addressPath = (index: number) => [...path, index, 'address'];
  for (const [index, { address }] of endpoints.entries()) {
    if (parseAddress(address) !== null) continue;
    const message = `${show(address)} has no port that can be connected to`;
    report.add(addressPath(index), 'SLUICE_CONFIG_VALUE', message, 'give a port from 1 to 65535');
  }
  const addresses = endpoints.map(({ address }) => address.toLowerCase());
  noRepeats(addresses, addressPath, 'address', report);
}

/** Reports what is wrong with a path template. */
export function checkTemplate(source: string | undefined, path: Path, report: Report): void {
  try {
    if (source !== undefined) parseTemplate(source);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    report.add(path, 'SLUICE_CONFIG_VALUE', error.problem, error.remedy);
  }
}

/** Compiles a pattern, or reports what is wrong with it. */
export function checkRegex(source: string | undefined, path: Path, report: Report): Regex | null {
  // Compiling is slow; a file full of costly patterns must not stall the thread.
  if (source === undefined || report.full || report.regexCost > LIMITS.regexCostPerFile) return null;
  report.regexes++;
  if (report.regexes > report.maxRegexes) {
    if (report.regexes === report.maxRegexes + 1) reportCeiling('regexes', report.maxRegexes, path, report);
    return null;
  }
  try {
    const regex = compileRegex(source);
    report.regexCost += regex.cost;
    if (report.regexCost <= LIMITS.regexCostPerFile) return regex;
    const message = 'the patterns of this file are too costly together';
    report.add(
      path,
      'SLUICE_CONFIG_REGEX',
      message,
      'use fewer or shorter patterns; exact, prefix and in cost nothing',
    );
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'SLUICE_CONFIG_REGEX') throw error;
    const remedy = 'write a pattern in RE2 syntax, without look-around and back references';
    report.add(path, 'SLUICE_CONFIG_REGEX', error.detail, remedy);
  }
  return null;
}

/** Reports the first of a tenant's things that is one too many. */
export function reportCeiling(
  what: 'routes' | 'regexes' | 'plugins',
  ceiling: number,
  path: Path,
  report: Report,
): void {
  const message = `the tenant may have ${ceiling} ${CEILINGS[what]}, and this is one more`;
  const remedy = `remove some, or have the operator raise ${what} of tenants.limits or tenants.overrides`;
  report.add(path, 'SLUICE_CONFIG_CEILING', message, remedy);
}

const CEILINGS = {
  routes: 'routes',
  regexes: 'regular expressions',
  plugins: 'plugin uses that differ in plugin or config',
} as const;

export function checkCidrs(cidrs: readonly string[] | undefined, path: Path, report: Report): void {
  for (const [index, cidr] of (cidrs ?? []).entries()) {
    if (isCidr(cidr)) continue;
    const message = `${show(cidr)} is neither an address nor a CIDR`;
    report.add([...path, index], 'SLUICE_CONFIG_VALUE', message, 'write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32');
  }
}

/** A plugin of the catalogue, as far as those who name it must know. */
export interface CataloguedPlugin {
  readonly name: string;
  /** It is new, and nobody may use it before its module has come. */
  readonly awaited?: boolean;
  /** JSON Schema of its configuration, from the manifest of its module. */
  readonly schema?: object;
}

/** The same with what is known of their configurations. */
export function withSchemas(
  plugins: readonly { readonly name: string }[],
  schemas: ReadonlyMap<string, object>,
): CataloguedPlugin[] {
  return plugins.map(({ name }) => {
    const schema = schemas.get(name);
    return schema === undefined ? { name } : { name, schema };
  });
}

/**
 * Checks that plugins are in the catalogue and that their configuration is a mapping, and what they themselves ask of it.
 * @param catalogue null when it cannot be told
 */
export function checkPluginUses(
  uses: readonly PluginUse[],
  catalogue: readonly CataloguedPlugin[] | null,
  path: Path,
  report: Report,
): void {
  for (const [index, use] of uses.entries()) {
    const plugin = catalogue?.find(({ name }) => name === use.use);
    if (catalogue !== null) checkPluginName(use.use, catalogue, [...path, index, 'use'], report);
    if (!isMapping(use.config)) {
      const message = `${show(use.config)} is not a plugin configuration`;
      report.add([...path, index, 'config'], 'SLUICE_CONFIG_VALUE', message, 'give a mapping');
    } else if (plugin?.schema !== undefined && !report.full) {
      checkPluginConfig(plugin.schema, use.config, [...path, index, 'config'], report);
    }
  }
}

function checkPluginName(name: string, catalogue: readonly CataloguedPlugin[], path: Path, report: Report): void {
  const found = catalogue.find((plugin) => plugin.name === name);
  if (found === undefined) {
    const known = catalogue.map((plugin) => plugin.name);
    const remedy = suggest(name, known, 'add it under plugins in gateway.yaml');
    report.add(path, 'SLUICE_CONFIG_REFERENCE', `there is no plugin ${show(name)} in the catalogue`, remedy);
  } else if (found.awaited === true) {
    const message = `the plugin ${show(name)} has no module yet`;
    report.add(path, 'SLUICE_CONFIG_REFERENCE', message, 'see /api/plugins; this file is tried again when it has one');
  }
}

/** Reports a name that does not exist. */
export function unknownName(
  name: string,
  known: readonly string[],
  texts: { what: string; empty: string; code?: ErrorCode },
  path: Path,
  report: Report,
): void {
  const message = `there is no ${texts.what} ${show(name)}`;
  report.add(path, texts.code ?? 'SLUICE_CONFIG_REFERENCE', message, suggest(name, known, texts.empty));
}

/** Lower-case copy of an optional field, to be spread: absent stays absent. */
export function lowered<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value.toLowerCase() } as { [P in K]?: string });
}
