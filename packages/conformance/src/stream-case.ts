import type { JsonValue } from "@hsafa/protocol";

/**
 * What happens to the response of the `request`th request, after so many whole events.
 *
 * - `cut`: the line breaks. `cut-within`: it breaks in the middle of the next event.
 * - `single-bytes`: from here on each byte comes by itself. `inject`: this text comes.
 * - `answer-empty`: 200 with `retry:` and no event. `refuse`: the connection is closed without a response.
 * - `rewind`: `stream.rewound` comes, and then the run from its first event.
 * - `go-deaf`: nothing comes any more, and nobody closes.
 */
export type StreamFault = { readonly request: number; readonly afterEvents: number } & (
  | { readonly do: "cut" | "cut-within" | "single-bytes" | "answer-empty" | "refuse" | "rewind" | "go-deaf" }
  | { readonly do: "inject"; readonly text: string }
);

/** One case of `cases/streams.json`. The program prints each event of the run, and ends by itself at its end. */
export interface StreamCase {
  readonly name: string;
  /** The part of `PROTOCOL.md` that it stands for. */
  readonly rule: string;
  /** What the model does: a script of the demo provider. */
  readonly script: readonly JsonValue[];
  readonly faults?: readonly StreamFault[];
  /** How many requests the program makes, exactly; one by default. */
  readonly requests?: number;
  /** Takes some 20 seconds. */
  readonly isSlow?: boolean;
}
