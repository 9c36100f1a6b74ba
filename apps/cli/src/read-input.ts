import { text } from "node:stream/consumers";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";

/** Returns what to say: the words of the command line, or standard input. Throws `CliError` if there is nothing. */
export async function readInput(words: readonly string[]): Promise<string> {
  const given = words.length > 0 ? words.join(" ") : await readAll();
  if (given.trim() === "") throw new CliError(own`There is nothing to say: standard input was empty.`);
  return given;
}

async function readAll(): Promise<string> {
  if (process.stdin.isTTY) throw new CliError(own`Say something: add it to the command, or pipe it in.`);
  return text(process.stdin);
}
