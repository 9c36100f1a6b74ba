/** What a user interface shows of runs, apart from the client: a program that only starts runs does not load it. */
export { followRun } from "./follow-run.ts";
export { followThread, type FollowThreadOptions } from "./follow-thread.ts";
export type { InheritedTurn } from "./inherited-turns.ts";
export { nextRunView } from "./next-run-view.ts";
export { nextPartialJson, NO_JSON, type PartialJson } from "./partial-json.ts";
export {
  type AssistantViewMessage,
  EMPTY_RUN_VIEW,
  hasEnded,
  type ProviderToolPart,
  type RunView,
  type TextViewPart,
  type ToolPart,
  type ToolQuestion,
  type ToolState,
  type UserViewMessage,
  type ViewMessage,
  type ViewPart,
  type ViewRetry,
} from "./run-view.ts";
export {
  EMPTY_THREAD_VIEW,
  messagesOf,
  openRuns,
  questionsOf,
  runsWithMessages,
  type ThreadView,
} from "./thread-view.ts";
