import { describe, expect, it } from 'vitest';
import { ERRORS } from '../core/errors.ts';
import { type BrokenCase, type Collection, readCollections, renderCollection } from './broken.suite.ts';
import { parseGateway } from './parse-gateway.ts';
import { parseServicesFile } from './parse-services.ts';
import { parseTenant } from './parse-tenant.ts';
import type { Problem } from './problem.ts';
import { withSchemas } from './rules.ts';

const SECRET = 'p4ss-word';
const env = { WORDS: 'not a number', WORKERS: 'four', EMPTY: '' };
const readSecret = (_: string, name: string): string | null => (name === 'present' ? SECRET : null);

const gateway = parseGateway(
  '/c/gateway.yaml',
  `apiVersion: sluice/v1
listeners: [{ name: http, port: 8080 }]
tenants: { directory: tenants, limits: { routes: 6, regexes: 2, plugins: 1 } }
registries: { nacos: { type: nacos, servers: ["127.0.0.1:8848"] } }
plugins: [{ name: key-auth, source: "file:p/key-auth.wasm" }, { name: rate-guard, source: "file:p/rate-guard.wasm" }]
secrets: { directory: secrets }
`,
).config!;

/** What modules say of their configurations. */
const schemas = new Map([
  [
    'rate-guard',
    {
      type: 'object',
      additionalProperties: false,
      required: ['keys'],
      properties: {
        header: { type: 'string', pattern: '^[a-z-]+$', default: 'x-api-key' },
        rate: { type: 'integer', minimum: 1, maximum: 1000, default: 10 },
        burst: { type: 'number', minimum: 0.5 },
        mode: { enum: ['strict', 'lax'], default: 'strict' },
        dryRun: { type: 'boolean', default: false },
        keys: { type: 'array', minItems: 1, uniqueItems: true, items: { $ref: '#/$defs/entry' } },
        labels: { type: 'object', additionalProperties: { type: 'string', maxLength: 8 } },
        window: {
          anyOf: [
            { type: 'integer', minimum: 1 },
            { type: 'string', pattern: '^\\d+s$' },
          ],
        },
      },
      $defs: {
        entry: {
          type: 'object',
          additionalProperties: false,
          required: ['key', 'consumer'],
          properties: {
            key: { type: 'string', minLength: 8, writeOnly: true },
            consumer: { type: 'string', minLength: 1 },
          },
        },
      },
    },
  ],
]);
const surroundings = { ...gateway, plugins: withSchemas(gateway.plugins, schemas) };

/** What becomes of a case: problems, and whether there is a configuration all the same. */
function read({ name }: Collection, { text }: BrokenCase): { problems: readonly Problem[]; accepted: boolean } {
  if (name.startsWith('gateway')) {
    const { problems, config } = parseGateway('gateway.yaml', text, { env, readSecret, schemas });
    return { problems, accepted: config !== null };
  }
  if (name.startsWith('services')) {
    const { problems, services } = parseServicesFile('services.yaml', text);
    return { problems, accepted: services !== null };
  }
  const { problems, config } = parseTenant('home.yaml', text, { gateway: surroundings, readSecret });
  return { problems, accepted: config !== null };
}

const collections = readCollections();

describe('broken configurations', () => {
  it.each(collections.map((collection) => [collection.name, collection] as const))(
    'of %s have the problems that stand beside them (vitest -u writes them)',
    async (_, collection) => {
      const told = renderCollection(collection, (broken) => read(collection, broken).problems);
      await expect(told).toMatchFileSnapshot(collection.path);
    },
  );

  it('are refused, each with a place in the file, a code and a remedy', () => {
    for (const collection of collections) {
      for (const broken of collection.cases) {
        const { problems, accepted } = read(collection, broken);
        const what = `${collection.name}: ${broken.title}`;
        expect(accepted, what).toBe(false);
        expect(problems.length, what).toBeGreaterThan(0);
        const lines = broken.text.split('\n');
        for (const { line, column, code, message, remedy } of problems) {
          expect(ERRORS[code], what).toBeDefined();
          expect(line, what).toBeLessThanOrEqual(lines.length);
          expect(column, what).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
          expect(
            [message, remedy].map((text) => text.trim().length > 4),
            what,
          ).toEqual([true, true]);
          expect(message + remedy, what).not.toContain(SECRET);
        }
      }
    }
  });

  it('have a title of their own, and are many', () => {
    const titles = collections.flatMap(({ name, cases }) => cases.map(({ title }) => `${name} ${title}`));
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles.length).toBeGreaterThan(150);
  });
});
