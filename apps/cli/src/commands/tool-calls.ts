import { Option } from "commander";
import { TOOL_CALL_STATUSES, type ToolCall, type ToolCallStatus } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { brief, own, type Shown } from "../shown.ts";

interface Options {
  readonly tool?: string;
  readonly status?: ToolCallStatus;
  readonly device?: string;
  readonly limit: number;
  readonly json?: true;
}

export const toolCalls = new CliCommand("tool-calls")
  .argument("[runId]", "of this run only")
  .option("--tool <name>", "of this tool only")
  .addOption(new Option("--status <status>", "in this state only").choices(TOOL_CALL_STATUSES))
  .option("--device <deviceId>", "of this device only")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("tool calls, as GET /api/tool-calls has them,")
  .example("tool-calls --tool get_time --status failed", "lists the calls of a tool that failed")
  .action(async (runId: string | undefined, { tool, status, device, limit, json }: Options) => {
    const client = connect();
    const filters = { toolName: tool, status, deviceId: device };
    const fits = (call: ToolCall): boolean =>
      (tool === undefined || call.toolName === tool) &&
      (status === undefined || call.status === status) &&
      (device === undefined || call.deviceId === device);
    await reportList({
      read: (page) =>
        runId === undefined ? client.toolCalls.list({ ...filters, ...page }) : client.runs.toolCalls(runId, page),
      limit,
      asJson: json,
      shownOf: (call) => (fits(call) ? lineOf(call) : null),
    });
  });

function lineOf({ id, runId, toolName, status, deviceKey, args, error }: ToolCall): Shown {
  const where = deviceKey === null ? own`` : own` on ${deviceKey}`;
  const why = error === null ? own`` : own`  ${error.message} [${error.code}]`;
  return own`${runId}  ${id}  ${status.padEnd(17)}  ${toolName}${where}  ${brief(args)}${why}`;
}
