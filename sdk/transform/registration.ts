import { type CallLike, type Identifier, type Node, NodeKind, type Program } from './ast.ts';
import { isAuthored, SDK_PATH } from './scope.ts';

/** True when a file of the plugin calls `register` or `registerAs` at its top level. */
export function findRegistration(program: Program): boolean {
  for (const file of program.filesByName.values()) {
    if (!isAuthored(file.source)) continue;
    for (const statement of file.source.statements) {
      const callee = calleeOf(statement);
      if (!callee) continue;
      if (callee.kind !== NodeKind.Identifier) {
        if (/\.register(As)?$/.test(callee.range.toString())) return true;
      } else if (isRegister(file.lookup((callee as Identifier).text)?.internalName)) return true;
    }
  }
  return false;
}

function isRegister(internalName = ''): boolean {
  return internalName.startsWith(`${SDK_PATH}/`) && /\/register(As)?$/.test(internalName);
}

function calleeOf(statement: Node): Node | null {
  if (statement.kind !== NodeKind.Expression) return null;
  const { expression } = statement as Node & { readonly expression: Node };
  return expression.kind === NodeKind.Call ? (expression as CallLike).expression : null;
}
