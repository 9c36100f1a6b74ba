import { expect, test } from "vitest";
import { blocksOf, commandsOf, documentsOfUsers, inlineCommandsOf } from "../../gateway/test/support/document-page.ts";
import type { CliCommand } from "../src/cli-command.ts";
import { createProgram } from "../src/program.ts";

/** Returns what a command of `hsafa` is given in a line of a shell, or null if the line calls another program. */
function argumentsIn(line: string): readonly string[] | null {
  const [, given] = /(?:^|\s|\/)hsafa(?:\.js)?\s+(.*)$/.exec(line) ?? [];
  if (given === undefined || line.startsWith("npm ")) return null;
  const words = given.replace(/\s[<>]\s.*$/, "").match(/'[^']*'|"[^"]*"|<[^>]*>\S*|\S+/g) ?? [];
  return words.map((word) => word.replaceAll(/^['"]|['"]$/g, ""));
}

/** Returns why the program does not take these arguments, or null. Nothing is done. */
async function refusalOf(args: readonly string[]): Promise<string | null> {
  const program = await createProgram(args, "1.0.0");
  let said = "";
  const disarm = (command: CliCommand): void => {
    command.configureOutput({ writeOut: () => {}, writeErr: (text) => (said += text) });
    if (command.commands.length === 0) command.action(() => {});
    for (const one of command.commands) disarm(one as CliCommand);
  };
  disarm(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return null;
  } catch (error) {
    const isHelp = error instanceof Error && "exitCode" in error && error.exitCode === 0;
    return isHelp ? null : said.trim();
  }
}

test("every command that a document says to type is one, with options that it has", async () => {
  const lines = documentsOfUsers().flatMap((document) => [
    ...blocksOf(document)
      .filter(({ language }) => language === "sh")
      .flatMap(commandsOf)
      .map((line) => ({ document, line, isWhole: true })),
    // A sentence may name a command, or a part of one. A heading shows what may be given: [options] <agent>.
    ...inlineCommandsOf(document).map((line) => ({
      document,
      line: line.replaceAll(/\[.*?\]|<.*?>/g, ""),
      isWhole: false,
    })),
  ]);
  expect(lines.length).toBeGreaterThan(100);
  for (const { document, line, isWhole } of lines) {
    const args = argumentsIn(line);
    if (args === null) continue;
    const refusal = await refusalOf(args);
    if (!isWhole && /^(error: missing required argument|error: required option|Usage: )/.test(refusal ?? "")) continue;
    expect({ document, line, refusal }).toEqual({ document, line, refusal: null });
  }
});

test("a command that is none, and an option that a command does not have, are found", async () => {
  expect(await refusalOf(argumentsIn("npx hsafa agnets") ?? [])).toContain("unknown command");
  expect(await refusalOf(argumentsIn("HSAFA_URL=x npx hsafa keys create clerk --scope a") ?? [])).toContain("--scope");
});
