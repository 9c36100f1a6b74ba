import {
  isOpenCallStatus,
  isTerminalStatus,
  OPEN_CALL_STATUSES,
  RUN_STATUSES,
  TERMINAL_RUN_STATUSES,
  TOOL_CALL_STATUSES,
} from "@hsafa/protocol";
import { leavesMessages } from "../../core/leaves-messages.ts";

/** The protocol's sets of statuses as SQL lists, for `status in …`. No statement writes such a list itself. */

export const OPEN_RUN = sqlList(RUN_STATUSES.filter((status) => !isTerminalStatus(status)));
export const ENDED_RUN = sqlList(TERMINAL_RUN_STATUSES);
export const RUN_WITH_MESSAGES = sqlList(TERMINAL_RUN_STATUSES.filter(leavesMessages));
export const OPEN_CALL = sqlList(OPEN_CALL_STATUSES);
export const SETTLED_CALL = sqlList(TOOL_CALL_STATUSES.filter((status) => !isOpenCallStatus(status)));

function sqlList(statuses: readonly string[]): string {
  return `(${statuses.map((status) => `'${status}'`).join(", ")})`;
}
