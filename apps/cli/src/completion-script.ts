import type { Command } from "commander";

/** The shells that a completion can be written for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that a completion can be written for. */
export type Shell = (typeof SHELLS)[number];

/** Returns a script that completes these commands, their subcommands and their options. It starts no process. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      // zsh reads the completions of bash.
      return `#compdef hsafa\nautoload -Uz bashcompinit && bashcompinit\n${bashScript(commands)}`;
    case "fish":
      return fishScript(commands);
    default:
      return shell satisfies never;
  }
}

function bashScript(commands: readonly Command[]): string {
  const cases = commands.map((command) => `    ${command.name()}) words="${wordsOf(command).join(" ")}" ;;`);
  return `_hsafa() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  case "\${COMP_CWORD}:\${COMP_WORDS[1]}" in
    1:*) words="${[...commands.map((command) => command.name()), "help", "--help", "--version"].join(" ")}" ;;
    *) case "\${COMP_WORDS[1]}" in
${cases.map((line) => `  ${line}`).join("\n")}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _hsafa hsafa
`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const name = command.name();
    const within = `-n "__fish_seen_subcommand_from ${name}"`;
    const subcommands = command.commands.map(
      (one) => `complete -c hsafa ${within} -a ${one.name()} -d ${quoted(one.description())}`,
    );
    const options = optionsOf(command).map(({ long, description }) => {
      return `complete -c hsafa ${within} -l ${long.replace(/^--/, "")} -d ${quoted(description)}`;
    });
    const own = `complete -c hsafa -n __fish_use_subcommand -a ${name} -d ${quoted(command.description())}`;
    return [own, ...subcommands, ...options];
  });
  return `${lines.join("\n")}\n`;
}

function wordsOf(command: Command): string[] {
  return [...command.commands.map((one) => one.name()), ...optionsOf(command).map(({ long }) => long), "--help"];
}

/** The options of a command and of what is below it, each once. */
function optionsOf(command: Command): { readonly long: string; readonly description: string }[] {
  const all = [command, ...command.commands].flatMap(({ options }) => options);
  const byName = new Map(
    all.flatMap(({ long, description }) => (typeof long === "string" ? [[long, description] as const] : [])),
  );
  return [...byName].map(([long, description]) => ({ long, description }));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}
