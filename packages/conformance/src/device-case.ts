import type { JsonValue } from "@hsafa/protocol";

/** A message on its way: the `nth` of its type from this side, over all connections; 1 by default. */
export interface MessagePoint {
  readonly from: "device" | "gateway";
  readonly type: string;
  readonly nth?: number;
}

/**
 * What happens to the message at a point.
 *
 * - `cut`: it is lost, and the line breaks. `deliver-and-cut`: it arrives first.
 * - `repeat`: it arrives twice. `fragment`: it arrives in three frames.
 * - `inject`: another message of the gateway arrives before it. `amend`: it has more fields.
 * - `close`: it arrives, then `message` if there is one, and the gateway closes with this code.
 * - `go-deaf`: it arrives, and after it nothing passes on this connection. Nobody closes it.
 * - `cancel-run`: it arrives, and the run is canceled.
 */
export type DeviceFault = { readonly at: MessagePoint } & (
  | { readonly do: "cut" | "deliver-and-cut" | "repeat" | "fragment" | "go-deaf" | "cancel-run" }
  | { readonly do: "inject" | "amend"; readonly message: Readonly<Record<string, JsonValue>> }
  | { readonly do: "close"; readonly code: number; readonly message?: Readonly<Record<string, JsonValue>> }
);

/** How a call must end. */
export type ExpectedCall =
  | { readonly result: JsonValue }
  /** The result is a text of so many characters. */
  | { readonly resultLength: number }
  /** The call failed: with this message, or with any. */
  | { readonly error: string | true };

/** What must be true at the end. What is left out may be anything. */
export interface DeviceExpectation {
  /** How the run ends; `completed` by default. */
  readonly status?: "completed" | "failed" | "canceled";
  /** How the calls end, in the order in which the model asked for them. */
  readonly calls?: readonly ExpectedCall[];
  /** How many connections the device made, exactly. */
  readonly connections?: number;
  /** How many values of `bootId` it registered with. */
  readonly boots?: number;
  /** How many messages of a type it sent, exactly. */
  readonly sent?: Readonly<Record<string, number>>;
  /** The time from the end of the first connection to the second one, in milliseconds. */
  readonly returnsWithinMs?: number;
  readonly returnsAfterMs?: number;
  /** Nothing is judged for so long after the end of the run, so that what must not happen has its time. */
  readonly quietForMs?: number;
  /** The device makes no other connection for so long after the end of the first one, in milliseconds. */
  readonly staysAwayMs?: number;
}

/** One case of `cases/devices.json`. The tools that a device offers to be tried are listed in the README. */
export interface DeviceCase {
  readonly name: string;
  /** The part of `PROTOCOL.md` that it stands for. */
  readonly rule: string;
  /** What the model does: a script of the demo provider. */
  readonly script: readonly JsonValue[];
  readonly faults?: readonly DeviceFault[];
  readonly expect: DeviceExpectation;
  /** Takes some 20 seconds. */
  readonly isSlow?: boolean;
}
