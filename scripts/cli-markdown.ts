import type { CliCommand } from "../apps/cli/src/cli-command.ts";
import { loadCommands } from "../apps/cli/src/command-table.ts";
import { EXIT_MEANINGS } from "../apps/cli/src/exit-code.ts";

const commands = await loadCommands();

/** Returns a table of all commands: what each does. */
export function commandsMarkdown(): string {
  const rows = commands.map((command) => `| \`hsafa ${command.name()}\` | ${command.description()} |`);
  return ["| command | does |", "|---|---|", ...rows].join("\n");
}

/** Returns a table of the exit codes. */
export function exitCodesMarkdown(): string {
  const rows = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return ["| code | meaning |", "|---|---|", ...rows].join("\n");
}

/** Returns a section for each command: how it is written, its options and its examples. */
export function commandPagesMarkdown(): string {
  return commands.map((command) => [section(command, "###"), ...partsOf(command)].join("\n\n")).join("\n\n");
}

function partsOf(command: CliCommand): string[] {
  return command.commands.map((one) => section(one as CliCommand, "####", `${command.name()} `));
}

function section(command: CliCommand, heading: string, group = ""): string {
  const { options } = command;
  const help = command.createHelp();
  const name = `hsafa ${group}${command.name()}`;
  const given = [
    ...command.registeredArguments
      .filter(({ description }) => description !== "")
      .map((argument) => [help.argumentTerm(argument), argument.description]),
    ...options.map((option) => [option.flags, help.optionDescription(option)]),
  ].map(([term = "", description = ""]) => `| \`${term.replaceAll("|", "\\|")}\` | ${description} |`);
  const table = given.length === 0 ? [] : ["", "| given | means |", "|---|---|", ...given];
  const examples = command.examples.map(({ line, what }) => `${line}  # ${what}`);
  return [
    `${heading} ${name}`,
    "",
    `\`${name} ${command.usage()}\``,
    "",
    `${command.description().charAt(0).toUpperCase()}${command.description().slice(1)}.`,
    ...table,
    ...(command.commands.length > 0 ? [] : ["", "```sh", ...examples, "```"]),
  ].join("\n");
}
