import { JSON_DEPTH_MAX, type JsonValue, readExactJson } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { connect } from "../connect.ts";
import { own } from "../shown.ts";
import { report } from "../terminal.ts";

export const answer = new CliCommand("answer")
  .argument("<runId>")
  .argument("<callId>")
  .argument("<result>", "JSON, or a text as it is; with --error, what went wrong")
  .option("--error", "the call has failed")
  .printsJson("callId and duplicate")
  .example(`answer 01980000-0000-7000-8000-000000000000 call_1 '{"paid":true}'`, "gives this result to the run")
  .action(async (runId: string, callId: string, result: string, options: { error?: true; json?: true }) => {
    const body = options.error === true ? { callId, error: { message: result } } : { callId, result: valueOf(result) };
    const answered = await connect().runs.submitToolResult(runId, body);
    const shown = answered.duplicate ? own`${callId} was answered so before` : own`answered ${callId}`;
    report(options.json, answered, shown);
  });

function valueOf(text: string): JsonValue {
  const read = readExactJson(text, JSON_DEPTH_MAX);
  if (read.kind === "inexact")
    throw new CliError(own`The result cannot be sent as it is: '${read.path}' ${read.message}.`);
  return read.kind === "json" ? read.value : text;
}
