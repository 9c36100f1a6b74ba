import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { brief, lines, own } from "../shown.ts";

export const approvals = new CliCommand("approvals")
  .option("--subject <subject>", "of the runs of this user of the tenant only")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("tool calls, as GET /api/tool-calls has them,")
  .example("approvals", "lists what waits, and the command that decides it")
  .action(async ({ subject, limit, json }: { subject?: string; limit: number; json?: true }) => {
    const client = connect();
    const filters = { status: "awaiting_approval" as const, subject };
    await reportList({
      read: (page) => client.toolCalls.list({ ...filters, ...page }),
      limit,
      asJson: json,
      shownOf({ runId, id, agentName, toolName, args, requestedAt }) {
        const asked = own`${toolName} ${brief(args)}  asked for by ${agentName} at ${requestedAt}`;
        return lines([asked, own`  npx hsafa approve ${runId} ${id}`]);
      },
    });
  });
