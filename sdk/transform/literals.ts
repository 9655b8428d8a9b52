import { type CallLike, type Identifier, type Literal, LiteralKind, type Node, NodeKind } from './ast.ts';

/** A value that stands in the source: JSON, as far as initial values and arguments of decorators go. */
export type Constant = string | number | boolean | null | readonly Constant[];

/** What an expression stands for, when that can be told from its text alone; undefined when it cannot. */
export function constantOf(node: Node): Constant | undefined {
  switch (node.kind) {
    case NodeKind.True:
      return true;
    case NodeKind.False:
      return false;
    case NodeKind.Null:
      return null;
    case NodeKind.UnaryPrefix:
      return numberOf(node.range.toString());
    case NodeKind.Literal:
      return literalOf(node as Literal);
    case NodeKind.Call:
      return textInCall(node as CallLike);
    case NodeKind.New:
      return isEmptyBuffer(node as CallLike) ? '' : undefined;
    default:
      return undefined;
  }
}

function literalOf(literal: Literal): Constant | undefined {
  switch (literal.literalKind) {
    case LiteralKind.String:
      return literal.value as string;
    case LiteralKind.Integer:
    case LiteralKind.Float:
      return numberOf(literal.range.toString());
    case LiteralKind.Array: {
      const entries = (literal.elementExpressions ?? []).map(constantOf);
      return entries.includes(undefined) ? undefined : (entries as readonly Constant[]);
    }
    default:
      return undefined;
  }
}

/** Undefined for what is no number, or too large for one. */
function numberOf(text: string): number | undefined {
  const match = /^([+-]?)\s*(\S+)$/.exec(text.replaceAll('_', ''));
  const value = Number(match?.[2]);
  if (!match || !Number.isFinite(value)) return undefined;
  return match[1] === '-' && value !== 0 ? -value : value;
}

/** `utf8('x')` and `JsonValue.text('x')`: a text in another shape. */
function textInCall({ expression, args }: CallLike): Constant | undefined {
  const name = expression.kind === NodeKind.Identifier ? (expression as Identifier).text : expression.range.toString();
  if (name !== 'utf8' && name !== 'JsonValue.text') return undefined;
  const value = args.length === 1 ? constantOf(args[0]!) : undefined;
  return typeof value === 'string' ? value : undefined;
}

function isEmptyBuffer({ typeName, args }: CallLike): boolean {
  return typeName.identifier.text === 'ArrayBuffer' && args.length === 1 && constantOf(args[0]!) === 0;
}
