import type { AnsweredRuns } from "./answered-runs.ts";
import type { Born } from "./born.ts";
import type { FreshClaim } from "./claim.ts";
import type { DeltaBatcher } from "./delta-batcher.ts";
import type { EngineDeps } from "./engine-deps.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import type { ParkedRun } from "./parked-runs.ts";
import type { Round } from "./plan-round.ts";
import type { RecordRoom } from "./record-room.ts";
import type { StallWatch } from "./stall-watch.ts";

/** What a holder of a claimed run is made of. */
export interface HolderParams extends FreshClaim {
  readonly deps: EngineDeps;
  readonly keeper: LeaseKeeper;
  readonly batcher: DeltaBatcher;
  readonly answers: AnsweredRuns;
  readonly stallWatch: Pick<StallWatch, "ran" | "seen">;
  readonly recordRoom: RecordRoom;
  /** The run is being born under this holder (`birth.ts`); absent: it was claimed. */
  readonly born?: Born;
  /** What this gateway remembers of the run, which it has parked before. */
  readonly parked?: ParkedRun | null;
  /** What follows if the answer is accepted that is on its way to the run (`answer.ts`); absent: it was claimed. */
  readonly foreseen?: Round;
}

/** What all holders of a gateway have. */
export type HolderParts = Omit<HolderParams, keyof FreshClaim | "born" | "parked" | "foreseen">;
