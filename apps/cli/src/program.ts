import { CliCommand } from "./cli-command.ts";
import { commandTable, loadCommand } from "./command-table.ts";

/**
 * Makes the program for these arguments. It holds the code of the command that they name, and of the others only the
 * summary. Most of the time of a start would otherwise go into code that nobody uses.
 */
export async function createProgram(args: readonly string[], version: string): Promise<CliCommand> {
  const program = new CliCommand("hsafa")
    .description("Agents that run on a server, are watched from anywhere, and use tools on your devices.")
    .version(version)
    .showHelpAfterError("(add --help to see how)")
    .showSuggestionAfterError(true);
  const [named = ""] = args;
  for (const [name, { summary }] of Object.entries(commandTable)) {
    const command =
      name === named ? await loadCommand(name) : new CliCommand(name).usage("[options]").description(summary);
    inherit(program, command);
    program.addCommand(command);
  }
  program.addHelpText(
    "after",
    `
A gateway of 'hsafa dev' in this folder is found by itself. HSAFA_URL and HSAFA_API_KEY name another one.
'hsafa <command> --help' shows examples.`,
  );
  return program;
}

/** Returns the arguments that mean the same to the program: `help runs` is `runs --help`. */
export function plainArguments(args: readonly string[]): readonly string[] {
  const [first, named, ...rest] = args;
  const isHelp = first === "help" && named !== undefined && Object.hasOwn(commandTable, named);
  return isHelp ? [named, ...rest, "--help"] : args;
}

function inherit(parent: CliCommand, command: CliCommand): void {
  command.copyInheritedSettings(parent);
  for (const one of command.commands) inherit(command, one as CliCommand);
}
