/** The transcript as rows: what was said, what was called, and what went wrong in between. It is pure. */
import type { FactEvent, JsonValue, RunStatus, UserMessage } from "@hsafa/protocol";
import type { ProviderToolPart, RunView, ToolPart, ViewMessage } from "@hsafa/client/view";
import type { Tone } from "../../words/status-words.ts";
import { positionOf } from "../record/run-record.ts";

/**
 * One row. `seq`: the fact that it belongs to. `runId`: its run, where rows of several stand together. `leads`: whether
 * it is the first of its message.
 */
export type TranscriptRow = {
  readonly key: string;
  readonly seq: number;
  readonly runId?: string;
  readonly leads?: boolean;
} & (
  | { readonly kind: "user"; readonly text: string; readonly files: readonly ShownFile[] }
  | { readonly kind: "text"; readonly text: string; readonly isStreaming: boolean; readonly isCut: boolean }
  | { readonly kind: "reasoning"; readonly text: string; readonly isStreaming: boolean }
  | { readonly kind: "tool"; readonly tool: ToolPart }
  /** A tool that the model's provider executes itself. */
  | { readonly kind: "provider_tool"; readonly tool: ProviderToolPart }
  | { readonly kind: "file"; readonly file: ShownFile }
  | { readonly kind: "note"; readonly tone: Tone; readonly text: string }
  /** The run begins here. `agentName`: null if it was not read. */
  | {
      readonly kind: "turn";
      readonly agentName: string | null;
      readonly status: RunStatus;
      readonly isInherited: boolean;
      readonly hasEnded: boolean;
    }
);

/** A file as the transcript shows it: its name and its kind, and never its content. */
export interface ShownFile {
  readonly mediaType: string;
  readonly name: string | null;
}

/** Of each message that did not change, the rows are those from before: only the others are made anew. */
const rowsOfMessages = new WeakMap<ViewMessage, readonly TranscriptRow[]>();

/** Makes the rows of a view. `notes`: of the facts that it was made from, for what a view leaves out. */
export function transcriptRows(view: RunView, notes: readonly TranscriptRow[]): TranscriptRow[] {
  const rows: TranscriptRow[] = [];
  let noted = 0;
  const note = (before: number): void => {
    for (let next = notes[noted]; next !== undefined && next.seq < before; next = notes[noted]) {
      rows.push(next);
      noted += 1;
    }
  };
  for (const message of view.messages) {
    let own = rowsOfMessages.get(message);
    if (own === undefined) {
      own = rowsOf(message);
      rowsOfMessages.set(message, own);
    }
    const [first] = own;
    if (first !== undefined) note(first.seq);
    for (const row of own) rows.push(row);
  }
  note(Number.POSITIVE_INFINITY);
  if (view.retry !== null) {
    const { attempt, error, nextAt } = view.retry;
    const text = `Attempt ${attempt} failed: ${error.message}. The next one begins at ${nextAt}.`;
    rows.push({ kind: "note", key: "retry", seq: Number.MAX_SAFE_INTEGER, tone: "waiting", text });
  }
  return rows;
}

function rowsOf(message: ViewMessage): TranscriptRow[] {
  const { seq } = positionOf({ id: message.id.split("/", 1)[0] ?? "" });
  if (message.role === "user") {
    const { text, files } = contentOf(message.content);
    return [{ kind: "user", key: message.id, seq, text, files }];
  }
  const { state, parts } = message;
  const isStreaming = state === "streaming";
  const rows = parts.flatMap((part, index): TranscriptRow[] => {
    const at = { key: `${message.id}:${index}`, seq };
    switch (part.type) {
      case "text":
        if (part.text === "") return [];
        return [{ ...at, kind: "text", text: part.text, isStreaming, isCut: state === "cut" }];
      case "reasoning":
        return part.text === "" ? [] : [{ ...at, kind: "reasoning", text: part.text, isStreaming }];
      case "tool":
        return [{ ...at, kind: "tool", tool: part }];
      case "file":
        return [
          {
            ...at,
            kind: "file",
            file: { mediaType: part.mediaType ?? "of no known kind", name: part.filename ?? null },
          },
        ];
      case "provider-tool":
        return [{ ...at, kind: "provider_tool", tool: part }];
      default:
        // A newer client may know parts that have no row here.
        return [];
    }
  });
  return rows.map((row, index) => (index === 0 ? { ...row, leads: true } : row));
}

/** What a view does not say, since it shows what holds: crashes, hand-overs, attempts that failed, and the end. */
export function notesOf(fact: FactEvent): TranscriptRow[] {
  const { seq } = positionOf(fact);
  const note = (tone: Tone, text: string): TranscriptRow[] => [{ kind: "note", key: `note ${seq}`, seq, tone, text }];
  switch (fact.type) {
    case "run.recovered":
      return note("recovered", "The gateway that held the run was lost. Another one took it over.");
    case "run.retrying":
      return note(
        "failed",
        `Attempt ${fact.data.attempt} failed: ${fact.data.error.message} [${fact.data.error.code}]`,
      );
    case "step.discarded": {
      const { step, reason, error } = fact.data;
      // What failed is told by the fact that follows.
      if (reason === "error") return [];
      const why = error === undefined ? reason : `${error.message} [${error.code}]`;
      return note(reason === "cancel" ? "canceled" : "recovered", `Step ${step} was cut short: ${why}`);
    }
    case "run.failed":
      return note("failed", `The run failed: ${fact.data.error.message} [${fact.data.error.code}]`);
    case "run.canceled":
      return note(
        "canceled",
        fact.data.reason === null ? "The run was canceled." : `The run was canceled: ${fact.data.reason}`,
      );
    case "run.merged":
      return note("canceled", `The message has entered the run ${fact.data.into}.`);
    default:
      return [];
  }
}

function contentOf(content: UserMessage["content"]): { readonly text: string; readonly files: readonly ShownFile[] } {
  if (typeof content === "string") return { text: content, files: [] };
  return {
    text: content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n"),
    files: content.flatMap((part) =>
      part.type === "text"
        ? []
        : [{ mediaType: part.mediaType ?? "image", name: part.type === "file" ? (part.filename ?? null) : null }],
    ),
  };
}

/** A JSON value in a line. */
export function inLine(value: JsonValue, characters: number): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const line = text.slice(0, characters + 1).replaceAll(/\s+/g, " ");
  return line.length > characters ? `${line.slice(0, characters)}…` : line;
}
