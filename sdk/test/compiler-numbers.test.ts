import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { ERROR, Flag, LiteralKind, NodeKind, SourceKind, USER_DEFINED } from '../transform/ast.ts';

type Numbers = Readonly<Record<string, number>>;

it('the transform knows the numbers of the compiler', async () => {
  // By its path: the compiler's types would bring the globals of AssemblyScript along.
  const path = createRequire(import.meta.url).resolve('assemblyscript/dist/assemblyscript.js');
  const compiler = (await import(pathToFileURL(path).href)) as Readonly<Record<string, Numbers>>;
  expect(compiler['NodeKind']).toMatchObject(NodeKind);
  expect(compiler['LiteralKind']).toMatchObject(LiteralKind);
  expect(compiler['SourceKind']).toMatchObject(SourceKind);
  expect(compiler['CommonFlags']).toMatchObject(Flag);
  expect(compiler['DiagnosticCategory']?.['Error']).toBe(ERROR);
  expect(compiler['DiagnosticCode']?.['User_defined_0']).toBe(USER_DEFINED);
});
