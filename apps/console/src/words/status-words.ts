import type { RunStatus, ToolCallStatus } from "@hsafa/protocol";

/** What a mark looks like: a shape and a hue for each, so that nobody needs the colour. */
export type Tone = "queued" | "running" | "waiting" | "completed" | "failed" | "canceled" | "recovered";

/** How a state is shown: its word and its mark. */
export interface StatusWords {
  readonly word: string;
  readonly tone: Tone;
}

/** Returns how the state of a run is shown. */
export function runStatusWords(status: RunStatus): StatusWords {
  switch (status) {
    case "queued":
      return { word: "queued", tone: "queued" };
    case "running":
      return { word: "running", tone: "running" };
    case "waiting_tool":
      return { word: "waiting", tone: "waiting" };
    case "completed":
      return { word: "completed", tone: "completed" };
    case "failed":
      return { word: "failed", tone: "failed" };
    case "canceled":
      return { word: "canceled", tone: "canceled" };
    case "merged":
      return { word: "merged", tone: "canceled" };
    default:
      return status satisfies never;
  }
}

/** Returns how the state of a tool call is shown. */
export function callStatusWords(status: ToolCallStatus): StatusWords {
  switch (status) {
    case "requested":
      return { word: "requested", tone: "queued" };
    case "awaiting_approval":
      return { word: "awaits approval", tone: "waiting" };
    case "dispatched":
      return { word: "running", tone: "running" };
    case "completed":
      return { word: "completed", tone: "completed" };
    case "failed":
      return { word: "failed", tone: "failed" };
    case "expired":
      return { word: "expired", tone: "failed" };
    case "denied":
      return { word: "denied", tone: "canceled" };
    default:
      return status satisfies never;
  }
}
