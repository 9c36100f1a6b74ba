import { Command, CommanderError } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { answer } from "./commands/answer.ts";
import { approve } from "./commands/approve.ts";
import { cancel } from "./commands/cancel.ts";
import { dev } from "./commands/dev.ts";
import { device } from "./commands/device.ts";
import { push } from "./commands/push.ts";
import { run } from "./commands/run.ts";
import { runs } from "./commands/runs.ts";
import { start } from "./commands/start.ts";
import { watch } from "./commands/watch.ts";
import { readCliSettings } from "./config.ts";
import { EXIT } from "./exit-code.ts";
import { explain } from "./cli-error.ts";
import { leaveWithReader, note, paintNote } from "./terminal.ts";

const commands = [dev, start, push, run, watch, device, runs, cancel, approve, answer];

const program = new Command("hsafa")
  .description("Agents that run on a server, are watched from anywhere, and use tools on your devices.")
  .version(packageJson.version)
  .showHelpAfterError("(add --help to see how)");
for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
for (const command of [program, ...commands]) command.exitOverride();
program.addHelpText(
  "after",
  "\nThe gateway is found by HSAFA_URL (default http://127.0.0.1:3001), the key by HSAFA_API_KEY or in the data folder of 'hsafa dev'.",
);

leaveWithReader();
try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed what is wrong with the arguments.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.fault;
  else {
    note(paintNote("red", explain(error, readCliSettings().url)));
    process.exitCode = EXIT.fault;
  }
}
