import { Argument } from "commander";
import { CliCommand } from "../cli-command.ts";
import { completionScript, SHELLS, type Shell } from "../completion-script.ts";
import { own } from "../shown.ts";
import { tell } from "../terminal.ts";

/** Makes the command. `loadAll` loads every command, for their options. */
export const completion = (loadAll: () => Promise<readonly CliCommand[]>): CliCommand =>
  new CliCommand("completion")
    .addArgument(new Argument("<shell>", "the shell that the script is for").choices(SHELLS))
    .example("completion bash > ~/.local/share/bash-completion/completions/hsafa", "completes from the next shell on")
    .example("completion fish > ~/.config/fish/completions/hsafa.fish", "the same for fish")
    .action(async (shell: Shell) => {
      for (const line of completionScript(shell, await loadAll())
        .trimEnd()
        .split("\n"))
        tell(own`${line}`);
    });
