import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { SECRET_VALUE_CHARACTERS_MAX } from "@hsafa/protocol";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";
import { canAsk, note, print } from "./terminal.ts";

/**
 * Reads a secret from standard input: a line that a person types unseen, or all that is piped in. It is never an
 * argument: every process of the machine may read those, and the shell keeps them.
 */
export async function readSecret(name: string): Promise<string> {
  const value = canAsk() ? await askUnseen(name) : await readAll();
  if (value === "") throw new CliError(own`There is no value on standard input.`);
  return value;
}

async function askUnseen(name: string): Promise<string> {
  print("notes", own`Value of ${name} (it is not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const input = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await input.question("");
  } finally {
    input.close();
    note(own``);
  }
}

async function readAll(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > SECRET_VALUE_CHARACTERS_MAX + 2) {
      throw new CliError(own`A secret has at most ${SECRET_VALUE_CHARACTERS_MAX} characters.`);
    }
  }
  // `echo` ends a line, which is no part of the secret.
  return text.replace(/\r?\n$/, "");
}
