import { Command } from "commander";
import { JSON_DEPTH_MAX, type JsonValue, readExactJson } from "@hsafa/protocol";
import { CliError } from "../cli-error.ts";
import { connect } from "../connect.ts";

export const answer = new Command("answer")
  .description("answer a tool call yourself, as for target 'external'")
  .argument("<runId>")
  .argument("<callId>")
  .argument("<result>", "JSON, or a text as it is; with --error, what went wrong")
  .option("--error", "the call has failed")
  .action(async (runId: string, callId: string, result: string, options: { error?: true }) => {
    const body = options.error === true ? { callId, error: { message: result } } : { callId, result: valueOf(result) };
    const { duplicate } = await connect().runs.submitToolResult(runId, body);
    console.log(duplicate ? `${callId} was answered so before` : `answered ${callId}`);
  });

function valueOf(text: string): JsonValue {
  const read = readExactJson(text, JSON_DEPTH_MAX);
  if (read.kind === "inexact")
    throw new CliError(`The result cannot be sent as it is: '${read.path}' ${read.message}.`);
  return read.kind === "json" ? read.value : text;
}
