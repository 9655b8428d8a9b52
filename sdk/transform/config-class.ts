import {
  type ClassDeclaration,
  type Declaration,
  type FieldDeclaration,
  Flag,
  type MethodDeclaration,
  type Node,
  NodeKind,
} from './ast.ts';
import { AuthorError } from './author-error.ts';
import { docCommentIn } from './comments.ts';
import { applyDecorators, refuseDecorators, type Rules } from './decorators.ts';
import { type FieldType, fieldTypeOf } from './field-type.ts';
import { checkInitial } from './initial.ts';
import { type Constant, constantOf } from './literals.ts';
import { declaredBy, type FoundClass, type Scope } from './scope.ts';

/** One setting: a public field of a configuration class. */
export interface Field {
  readonly name: string;
  readonly description: string;
  readonly type: FieldType;
  readonly rules: Rules;
  /** Its initial value; undefined where it has none to show: required fields and objects. */
  readonly initial: Constant | undefined;
  readonly declaration: FieldDeclaration;
}

/** A class with `@config`. */
export interface ConfigClass {
  readonly found: FoundClass;
  readonly name: string;
  readonly description: string;
  readonly fields: readonly Field[];
  /** It has a method `check(settings)`. */
  readonly hasCheck: boolean;
}

/** Runs a step and hands what an author has to mend to `report`; undefined when there is something. */
export type Attempt = <T>(step: () => T) => T | undefined;

/** Reads the declaration of a configuration class, without what cannot be a setting. */
export function readConfigClass(found: FoundClass, scope: Scope, attempt: Attempt): ConfigClass {
  const { declaration, source } = found;
  attempt(() => checkClass(declaration));
  const fields: Field[] = [];
  let end = declaration.name.range.end;
  for (const member of declaration.members) {
    attempt(() => checkName(member));
    if (isSetting(member)) {
      const description = docCommentIn(source.text.slice(end, member.name.range.start));
      const field = attempt(() => readField(member, description, found, scope));
      if (field) fields.push(field);
    } else attempt(() => checkOther(member));
    end = member.range.end;
  }
  const description = docCommentIn(commentBefore(declaration));
  const hasCheck = declaration.members.some(
    ({ kind, name }) => kind === NodeKind.MethodDeclaration && name.text === 'check',
  );
  return { found, name: declaration.name.text, description, fields, hasCheck };
}

function checkClass({ typeParameters, extendsType, name }: ClassDeclaration): void {
  if (!typeParameters?.length && !extendsType) return;
  throw new AuthorError(name.range, 'a @config class has no type parameters and extends nothing');
}

function isSetting(member: Declaration): member is FieldDeclaration {
  const hidden = Flag.Static | Flag.Private | Flag.Protected;
  return member.kind === NodeKind.FieldDeclaration && (member.flags & hidden) === 0;
}

function checkName({ name }: Declaration): void {
  if (name.text !== 'readSettings') return;
  throw new AuthorError(name.range, 'the compiler adds readSettings; take another name');
}

function checkOther(member: Declaration): void {
  refuseDecorators(member);
  if (member.kind === NodeKind.MethodDeclaration) checkMethod(member as MethodDeclaration);
}

function checkMethod({ name, signature }: MethodDeclaration): void {
  if (name.text === 'constructor' && signature.parameters.length > 0) {
    throw new AuthorError(name.range, 'the constructor of a @config class takes no parameters');
  }
  if (name.text === 'check' && signature.parameters.length !== 1) {
    throw new AuthorError(name.range, 'must be check(settings: Settings): void');
  }
}

/** What stands between a class and the statement before it. */
function commentBefore(declaration: ClassDeclaration): string {
  const { source } = declaration.range;
  const at = source.statements.findIndex((statement) => declaredBy(statement) === declaration);
  const from = at > 0 ? source.statements[at - 1]!.range.end : 0;
  return source.text.slice(from, declaration.name.range.start);
}

function readField(declaration: FieldDeclaration, description: string, found: FoundClass, scope: Scope): Field {
  const { name, type: typeNode, initializer } = declaration;
  if (!typeNode) throw new AuthorError(name.range, `${name.text} needs a type`);
  const type = fieldTypeOf(typeNode, found.source, scope);
  const rules = applyDecorators(declaration, type);
  return {
    name: name.text,
    description,
    type,
    rules,
    initial: initialOf(name.text, initializer, type, rules),
    declaration,
  };
}

function initialOf(name: string, node: Node | null, type: FieldType, rules: Rules): Constant | undefined {
  if (node === null) return withoutInitial(name, type, rules);
  if (rules.required || type.kind === 'object') return undefined;
  const value = constantOf(node);
  const problem =
    value === undefined
      ? 'must be written out here: a text, a number, a list of texts, null'
      : checkInitial(value, type, rules);
  if (problem !== '') throw new AuthorError(node.range, `the initial value of ${name} ${problem}`);
  return value;
}

function withoutInitial(name: string, type: FieldType, rules: Rules): Constant | undefined {
  if (rules.required) return undefined;
  if (type.nullable) return null;
  throw new AuthorError(type.range, `${name} needs an initial value, which is its default, or @required`);
}
