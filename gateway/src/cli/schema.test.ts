import { expect, it } from 'vitest';
import { SCHEMA_KINDS, schemaText } from './schema.ts';

it.each(SCHEMA_KINDS)('docs/schema/%s.schema.json is what is printed (vitest -u writes it)', async (kind) => {
  await expect(`${schemaText(kind)}\n`).toMatchFileSnapshot(`../../../docs/schema/${kind}.schema.json`);
});
