/** Which exports of a source have no docstring: exported declarations, and the methods of exported types. */
import { parseSync, type Program } from "oxc-parser";

type Statement = Program["body"][number];
type Declaration = NonNullable<Extract<Statement, { type: "ExportNamedDeclaration" }>["declaration"]>;
interface Node {
  readonly start: number;
}

/** Returns one fault for each exported declaration, and for each of its methods, that no `/** … *\/` stands before. */
export function docstringFaults(path: string, text: string): string[] {
  const { program, comments, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Error(`${path} cannot be parsed: ${errors[0].message}`);
  const docs = comments.filter(({ type, value }) => type === "Block" && value.startsWith("*"));
  const isDocumented = ({ start }: Node): boolean =>
    docs.some(({ end }) => end <= start && text.slice(end, start).trim() === "");
  const faults: string[] = [];
  const demand = (node: Node, name: string): void => {
    if (!isDocumented(node)) faults.push(`${path}: '${name}' has no docstring`);
  };

  for (const statement of program.body) {
    if (statement.type === "ExportDefaultDeclaration") demand(statement, "default");
    if (statement.type !== "ExportNamedDeclaration") continue;
    if (statement.declaration === null) {
      // What stands elsewhere is documented there. What stands here would escape this check.
      if (statement.source === null) faults.push(`${path}: exports apart from a declaration; write 'export' before it`);
      continue;
    }
    const { declaration } = statement;
    demand(statement, nameOf(declaration));
    for (const { node, name } of methodsOf(declaration)) demand(node, `${nameOf(declaration)}.${name}`);
  }
  return faults;
}

function nameOf(declaration: Declaration): string {
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.map(({ id }) => (id.type === "Identifier" ? id.name : "?")).join(", ");
  }
  return "id" in declaration && declaration.id !== null && "name" in declaration.id ? declaration.id.name : "?";
}

/** The methods that users of an interface or a class call. */
function methodsOf(declaration: Declaration): { readonly node: Node; readonly name: string }[] {
  if (declaration.type === "TSInterfaceDeclaration") {
    return declaration.body.body.flatMap((member) => {
      const isMethod =
        member.type === "TSMethodSignature" ||
        (member.type === "TSPropertySignature" && member.typeAnnotation?.typeAnnotation.type === "TSFunctionType");
      return isMethod ? [{ node: member, name: keyOf(member.key) }] : [];
    });
  }
  if (declaration.type === "ClassDeclaration") {
    return declaration.body.body.flatMap((member) => {
      if (member.type !== "MethodDefinition" || member.key.type === "PrivateIdentifier") return [];
      return [{ node: member, name: keyOf(member.key) }];
    });
  }
  return [];
}

function keyOf(key: { readonly type: string }): string {
  return "name" in key && typeof key.name === "string" ? key.name : "?";
}
