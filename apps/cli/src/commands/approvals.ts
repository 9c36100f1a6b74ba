import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { eachItem } from "../each-item.ts";
import { readCount } from "../read-count.ts";
import { brief, lines, own } from "../shown.ts";
import { report } from "../terminal.ts";

export const approvals = new CliCommand("approvals")
  .option("--subject <subject>", "of the runs of this user of the tenant only")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("tool calls, as GET /api/tool-calls has them,")
  .example("approvals", "lists what waits, and the command that decides it")
  .action(async ({ subject, limit, json }: { subject?: string; limit: number; json?: true }) => {
    const client = connect();
    const filters = { status: "awaiting_approval" as const, subject };
    for await (const call of eachItem((page) => client.toolCalls.list({ ...filters, ...page }), limit)) {
      const { runId, id, toolName, args, requestedAt } = call;
      const asked = own`${toolName} ${brief(args)}  asked for at ${requestedAt}`;
      report(json, call, lines([asked, own`  npx hsafa approve ${runId} ${id}`]));
    }
  });
