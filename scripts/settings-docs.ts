import { type Setting, settingsTable } from "../apps/gateway/src/settings-table.ts";

/** The documents that show the settings, from the root of the repository. */
export const settingsDocs = ["README.md", "PROTOCOL.md"];

/** What stands around the table in a document. Markdown does not show it. */
const BEGIN = "<!-- settings: `npm run docs` writes this table -->";
const END = "<!-- end of settings -->";

/** Returns the document with the table of the settings in its place. Throws if the document has no place for it. */
export function withSettings(document: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the document has no place for the settings: ${BEGIN} … ${END}`);
  return `${document.slice(0, begin)}${BEGIN}\n${settingsMarkdown()}\n${document.slice(end)}`;
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
