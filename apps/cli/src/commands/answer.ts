import { Command } from "commander";
import type { JsonValue } from "@hsafa/protocol";
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
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
