import { expect, test } from "vitest";
import type { CliCommand } from "./cli-command.ts";
import { commandTable, loadCommands } from "./command-table.ts";
import { createProgram, plainArguments } from "./program.ts";

/** These print a script, and the log of a gateway, which is JSON already. */
const WITHOUT_JSON = new Set(["completion", "start"]);

/** Every command, and what is below it. */
async function allCommands(): Promise<readonly CliCommand[]> {
  const commands = await loadCommands();
  return commands.flatMap((command) => [command, ...(command.commands as CliCommand[])]);
}

test("every command has a summary, examples in its help, and output for programs", async () => {
  const commands = await allCommands();
  expect(commands.length).toBeGreaterThan(40);
  for (const command of commands) {
    const name = command.name();
    expect({ name, summary: command.description() }).not.toEqual({ name, summary: "" });
    expect({ name, examples: command.examples.length }).not.toEqual({ name, examples: 0 });
    const isGroup = command.commands.length > 0;
    const hasJson = command.options.some(({ long }) => long === "--json");
    expect({ name, hasJson }).toEqual({ name, hasJson: !isGroup && !WITHOUT_JSON.has(name) });
  }
});

test("an example begins with the command that it shows", async () => {
  for (const command of await allCommands()) {
    const parent = command.parent?.name();
    const names = parent === undefined || parent === "hsafa" ? command.name() : `${parent} ${command.name()}`;
    for (const { line } of command.examples) expect(line).toMatch(new RegExp(`^hsafa ${names}\\b`));
  }
});

test("the code of one command is loaded, and the others are listed", async () => {
  const program = await createProgram(["runs"], "1.0.0");
  const listed = program.commands.map((command) => command.name());
  expect(listed).toEqual(Object.keys(commandTable));
  const withCode = program.commands.filter(({ options }) => options.length > 0).map((command) => command.name());
  expect(withCode).toEqual(["runs"]);
});

test("'help runs' is 'runs --help', and other words stay as they are", () => {
  expect(plainArguments(["help", "runs"])).toEqual(["runs", "--help"]);
  expect(plainArguments(["help"])).toEqual(["help"]);
  expect(plainArguments(["runs", "help"])).toEqual(["runs", "help"]);
});
