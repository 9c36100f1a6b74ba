import fc from "fast-check";
import type { Door } from "./door.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

/** What became of the inputs of one door. */
export interface DoorTally {
  readonly name: string;
  inputs: number;
  /** How often each status came. */
  readonly statuses: Map<string, number>;
  /** The first faults: what happened, and the input that did it. */
  readonly faults: string[];
  faultCount: number;
}

const FAULTS_SHOWN_MAX = 5;
const INPUT_SHOWN_CHARACTERS_MAX = 600;
/** Inputs that are made at once. */
const BATCH = 500;

/** Plays `inputs` of one door from a seed: the same inputs again for the same seed. */
export async function playDoor(
  door: Door,
  target: FuzzTarget,
  { inputs, seed }: { readonly inputs: number; readonly seed: number },
): Promise<DoorTally> {
  const tally: DoorTally = { name: door.name, inputs: 0, statuses: new Map(), faults: [], faultCount: 0 };
  const open = await door.open(target);
  const note = async (input: unknown): Promise<void> => {
    const { status, fault } = await open.play(input);
    tally.inputs += 1;
    tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
    if (fault === null) return;
    tally.faultCount += 1;
    if (tally.faults.length < FAULTS_SHOWN_MAX) tally.faults.push(`${fault}: ${shown(input)}`);
  };
  for (let made = 0; made < inputs && target.ended() === null; made += BATCH) {
    const numRuns = Math.min(BATCH, inputs - made);
    const batch = fc.sample(open.inputs, { numRuns, seed: seed + made });
    let next = 0;
    const play = async (): Promise<void> => {
      for (let index = next++; index < batch.length && target.ended() === null; index = next++)
        await note(batch[index]);
    };
    await Promise.all(Array.from({ length: open.atOnce }, play));
  }
  await open.close();
  return tally;
}

function shown(input: unknown): string {
  const text = JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array ? `base64:${Buffer.from(value).toString("base64")}` : value,
  );
  return text.slice(0, INPUT_SHOWN_CHARACTERS_MAX);
}
