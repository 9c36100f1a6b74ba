import type { RunStatus } from "@hsafa/protocol";
import type { ConfigChange } from "./config-diff.ts";
import { describeChange } from "./describe-change.ts";
import { lines, own, paragraph, type Shown, styled } from "./shown.ts";

/** What happens at a gateway of `hsafa dev`, as `--json` prints it. */
export type DevHappening =
  | { readonly event: "listening"; readonly url: string }
  | {
      readonly event: "pushed";
      readonly file: string;
      readonly name: string;
      readonly version: string;
      readonly configHash: string;
      /** Whether it is another version than before the push. */
      readonly isNew: boolean;
      readonly changes: readonly ConfigChange[];
    }
  /** The version that the agent had stays. */
  | { readonly event: "push_failed"; readonly file: string; readonly message: string }
  | { readonly event: "file_gone"; readonly file: string }
  | {
      readonly event: "run";
      readonly runId: string;
      /** Where the console shows it. */
      readonly link: string;
      readonly agentName: string;
      readonly status: RunStatus;
      readonly durationMs: number | null;
      readonly error: string | null;
    }
  | {
      readonly event: "device";
      readonly deviceKey: string;
      readonly online: boolean;
      readonly tools: readonly string[];
    }
  | {
      readonly event: "refused";
      readonly method: string;
      readonly route: string;
      readonly status: number;
      readonly refusedOrigin: string | null;
    }
  | { readonly event: "left_out"; readonly runs: number };

/** Returns what a person reads about it: a line, and the diff below a push. */
export function describeHappening(happening: DevHappening): Shown {
  switch (happening.event) {
    case "listening":
      return own`listening on ${happening.url}`;
    case "pushed": {
      const { file, name, version, configHash, isNew, changes } = happening;
      const what = isNew ? styled("green", own`pushed`) : own`unchanged`;
      const line = own`${what}  ${file}: ${name}, version ${version}, config ${configHash.slice(0, 12)}`;
      return lines([line, ...changes.map(describeChange)]);
    }
    case "push_failed": {
      const { file, message } = happening;
      return styled("red", own`failed  ${file} was not pushed, and the version before it stays: ${paragraph(message)}`);
    }
    case "file_gone":
      return styled("yellow", own`gone  ${happening.file}; its agent stays as it was pushed`);
    case "run": {
      const { runId, link, agentName, status, durationMs, error } = happening;
      const style =
        ({ completed: "green", failed: "red", canceled: "yellow" } as const)[status as "completed"] ?? "dim";
      const took = durationMs === null ? own`` : own` after ${(durationMs / 1000).toFixed(1)} s`;
      const why = error === null ? own`` : own`: ${error}`;
      return own`run  ${runId}  ${agentName}  ${styled(style, own`${status}`)}${took}${why}  ${styled("dim", own`${link}`)}`;
    }
    case "device": {
      const { deviceKey, online, tools } = happening;
      if (!online) return styled("yellow", own`device  ${deviceKey} is away`);
      return own`device  ${deviceKey} is connected, and offers ${tools.join(", ") || "no tools"}`;
    }
    case "refused": {
      const { method, route, status, refusedOrigin } = happening;
      if (refusedOrigin === null) return styled("yellow", own`refused  ${method} ${route}  ${status}${whyOf(status)}`);
      return styled(
        "yellow",
        own`refused  ${method} ${route} of a page of ${refusedOrigin} (CORS). Allow it: write HSAFA_ALLOWED_ORIGINS=${refusedOrigin} into .env, and start again`,
      );
    }
    case "left_out":
      return styled("dim", own`run  ${happening.runs} more runs; 'npx hsafa runs' lists them`);
    default:
      return happening satisfies never;
  }
}

function whyOf(status: number): Shown {
  if (status === 401) return own`: no valid key or token`;
  if (status === 429) return own`: too many requests`;
  return own`: the key or token may not do this`;
}
