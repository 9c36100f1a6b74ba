import { CommanderError } from "commander";
import { createRequire } from "node:module";
import { EXIT } from "./exit-code.ts";
import { createProgram, plainArguments } from "./program.ts";
import { leaveWithReader } from "./terminal.ts";

const { version } = createRequire(import.meta.url)("hsafa/package.json") as { version: string };
const args = plainArguments(process.argv.slice(2));

leaveWithReader();
try {
  await (await createProgram(args, version)).parseAsync(args, { from: "user" });
} catch (error) {
  // Commander has already printed what is wrong with the arguments.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.fault;
  else {
    const { explain } = await import("./cli-error.ts");
    const { readCliSettings } = await import("./config.ts");
    const { styled } = await import("./shown.ts");
    const { note } = await import("./terminal.ts");
    note(styled("red", explain(error, readCliSettings().url)));
    process.exitCode = EXIT.fault;
  }
}
