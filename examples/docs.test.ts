import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseGateway } from '../gateway/src/config/parse-gateway.ts';
import { parseTenant } from '../gateway/src/config/parse-tenant.ts';
import { formatProblem, type Problem } from '../gateway/src/config/problem.ts';
import { GatewaySchema } from '../gateway/src/config/schema-gateway.ts';

const ROOT = dirname(import.meta.dirname);

interface Example {
  readonly place: string;
  readonly text: string;
}

/** Blocks of YAML that are configuration: all but those of other programs, which say so (```yaml kubernetes). */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = text.matchAll(/^```yaml(?: tenant)?\n([^]*?)^```/gm);
  return Array.from(blocks, (block) => {
    const line = text.slice(0, block.index).split('\n').length;
    return { place: `${page}:${line}`, text: block[1]! };
  }).filter((example) => /^[^#\n]/m.test(example.text));
}

/** Top-level keys that a file must have, with something for each. */
const GATEWAY = {
  apiVersion: 'apiVersion: sluice/v1',
  listeners: 'listeners: [{ name: http, port: 8080 }]',
  tenants: 'tenants: { directory: tenants }',
  secrets: 'secrets: { directory: secrets }',
};
const TENANT = {
  tenant: 'tenant: example',
  domains: 'domains: [app.home.example.com]',
  discovery: 'discovery: { registry: nacos }',
};

function complete(text: string, keys: readonly string[], needed: Readonly<Record<string, string>>): string {
  const missing = Object.entries(needed).filter(([key]) => !keys.includes(key));
  return [text, ...missing.map(([, line]) => line)].join('\n');
}

function isGateway(value: Readonly<Record<string, unknown>>): boolean {
  const { plugins } = value;
  if (Array.isArray(plugins) && plugins.some((plugin: object) => 'use' in plugin)) return false;
  return Object.keys(value).every((key) => Object.hasOwn(GatewaySchema.properties, key));
}

/** What the gateway says to an example, completed by what any file needs. */
function problemsOf({ place, text }: Example): readonly Problem[] {
  const value = parse(text) as unknown;
  // A list is of routes.
  if (Array.isArray(value)) return problemsOf({ place, text: `routes:\n${text}` });
  const mapping = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(mapping);
  const readSecret = (): string => 'a secret';
  if (isGateway(mapping)) return parseGateway(place, complete(text, keys, GATEWAY), { readSecret }).problems;
  const gateway = { plugins: null, registries: null, secrets: { directory: '/' } };
  return parseTenant(place, complete(text, keys, TENANT), { gateway, readSecret }).problems;
}

describe('configuration in the documentation', () => {
  const pages = globSync(['README.md', 'docs/**/*.md', 'plugins/*/README.md'], { cwd: ROOT });
  const examples = pages.flatMap(examplesOf);

  it('is there', () => {
    expect(examples.length).toBeGreaterThan(12);
  });

  it.each(examples)('is understood: $place', (example) => {
    expect(problemsOf(example).map(formatProblem)).toEqual([]);
  });

  it('is refused when it is wrong', () => {
    expect(problemsOf({ place: 'x', text: 'workers: 4\nlistners: []\n' })).toHaveLength(2);
    expect(problemsOf({ place: 'x', text: '- { id: a, respond: {}, retires: {} }\n' })).toHaveLength(1);
  });
});
