import type fc from "fast-check";
import type { FuzzTarget } from "./fuzz-target.ts";

/** A way into a gateway, and what is thrown at it. */
export interface Door {
  readonly name: string;
  /** Its part of all inputs, in percent. */
  readonly share: number;
  /** Makes the inputs; `open` is called once before. */
  open(target: FuzzTarget): Promise<OpenDoor>;
}

export interface OpenDoor {
  readonly inputs: fc.Arbitrary<unknown>;
  /** How many inputs go in at once. */
  readonly atOnce: number;
  /** Throws one input at the gateway, and tells what became of it: a status, or a word. */
  play(input: unknown): Promise<Outcome>;
  close(): Promise<void>;
}

export interface Outcome {
  /** For the table: `400`, `closed 4400`, `run completed`. */
  readonly status: string;
  /** What no input may bring about, in words; null if all is well. */
  readonly fault: string | null;
}

/** An outcome that is no fault. */
export function fine(status: string): Outcome {
  return { status, fault: null };
}

/** Makes a door whose inputs are of one type. */
export function door<Input>(
  params: Pick<Door, "name" | "share"> & {
    readonly atOnce: number;
    readonly open: (target: FuzzTarget) => Promise<{
      readonly inputs: fc.Arbitrary<Input>;
      readonly play: (input: Input) => Promise<Outcome>;
      readonly close?: () => Promise<void>;
    }>;
  },
): Door {
  const { name, share, atOnce } = params;
  return {
    name,
    share,
    async open(target) {
      const { inputs, play, close = () => Promise.resolve() } = await params.open(target);
      return { inputs, atOnce, play: (input) => play(input as Input), close };
    },
  };
}
