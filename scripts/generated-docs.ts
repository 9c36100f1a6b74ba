import { ERRORS } from "@hsafa/protocol";
import { boundsMarkdown } from "./bounds-markdown.ts";
import { commandPagesMarkdown, commandsMarkdown, exitCodesMarkdown } from "./cli-markdown.ts";
import { type Setting, settingsTable } from "../apps/gateway/src/settings-table.ts";

/** The documents that hold generated tables, from the root of the repository. */
export const generatedDocs = ["README.md", "PROTOCOL.md", "docs/limits.md", "docs/cli.md"];

/** Each table by the name under which a document asks for it. */
const tables: Readonly<Record<string, () => string>> = {
  settings: settingsMarkdown,
  errors: errorsMarkdown,
  bounds: boundsMarkdown,
  commands: commandsMarkdown,
  commandPages: commandPagesMarkdown,
  exitCodes: exitCodesMarkdown,
};

/** What stands around a table in a document. Markdown does not show it. */
const PLACE = /<!-- (\w+): `npm run docs` writes this table -->\n[\s\S]*?<!-- end -->/g;

/** Returns the document with the present tables in their places. Throws for a document that has no place for any. */
export function withTables(document: string): string {
  if (document.search(PLACE) === -1) throw new Error(`the document has no place for a table: ${PLACE.source}`);
  return document.replaceAll(PLACE, (_place, name: string) => {
    const markdown = tables[name];
    if (markdown === undefined) throw new Error(`the document asks for a table '${name}', which nobody makes`);
    return `<!-- ${name}: \`npm run docs\` writes this table -->\n${markdown()}\n<!-- end -->`;
  });
}

function settingsMarkdown(): string {
  const rows = Object.entries<Setting>(settingsTable).map(([name, setting]) => {
    const unset = setting.default === undefined ? setting.unset : `\`${setting.default}\``;
    return `| \`${name}\` | ${setting.meaning}${boundsOf(setting)} | ${unset} | ${setting.readBy.join(", ")} |`;
  });
  return ["| variable | meaning | when it is unset | read by |", "|---|---|---|---|", ...rows].join("\n");
}

function boundsOf({ min, max, charactersMin }: Setting): string {
  if (charactersMin !== undefined) return `; ${charactersMin} characters or more`;
  return min === undefined || max === undefined ? "" : `; ${min} to ${max}`;
}

function errorsMarkdown(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, title, retryable }]) => `| \`${code}\` | ${status} | ${title} | ${retryable ? "yes" : "no"} |`,
  );
  return ["| code | status | meaning | may succeed later |", "|---|---|---|---|", ...rows].join("\n");
}
