import { isOpenCallStatus, isTerminalStatus } from "@hsafa/protocol";
import { runStatusSchema, toolCallStatusSchema } from "@hsafa/protocol/schema";

/** The protocol's sets of statuses as SQL lists, for `status in …`. No statement writes such a list itself. */

export const OPEN_RUN = sqlList(runStatusSchema.options.filter((status) => !isTerminalStatus(status)));
export const ENDED_RUN = sqlList(runStatusSchema.options.filter(isTerminalStatus));
export const OPEN_CALL = sqlList(toolCallStatusSchema.options.filter(isOpenCallStatus));
export const SETTLED_CALL = sqlList(toolCallStatusSchema.options.filter((status) => !isOpenCallStatus(status)));

function sqlList(statuses: readonly string[]): string {
  return `(${statuses.map((status) => `'${status}'`).join(", ")})`;
}
