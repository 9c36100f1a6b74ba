import type { ClaimedRun, LoadedRun } from "../ports/fleet-store.ts";
import { chargeRecords } from "../runtime/charge-bytes.ts";
import type { Asked } from "./ask-while-leased.ts";
import type { Claim } from "./claim.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { type FoldedRecord, lightened, readRecord } from "./read-record.ts";
import type { RunRoom } from "./record-room.ts";
import type { StallWatch } from "./stall-watch.ts";

/** Sends a statement for as long as the lease is good (`ask-while-leased.ts`). */
export type AskStore = <T>(statement: () => Promise<T | null>) => Promise<Asked<T>>;

/** Reads a claimed run, and folds its record. `record_full`: it is to end. `gave_up`: as of `readRecord`. */
export async function readClaimedRun(params: {
  readonly deps: Pick<EngineDeps, "store" | "turns">;
  readonly claimed: ClaimedRun;
  readonly lease: Claim;
  readonly room: RunRoom;
  readonly stallWatch: Pick<StallWatch, "ran" | "seen">;
  readonly ask: AskStore;
}): Promise<Asked<{ readonly run: LoadedRun; readonly record: FoldedRecord }> | { readonly kind: "record_full" }> {
  const { deps, claimed, lease, room, stallWatch, ask } = params;
  const { tenantId, runId, epoch, lastSeq } = claimed;
  const loaded = await ask(async () => lightened(await deps.store.loadRun({ tenantId, runId, epoch }), lastSeq));
  if (loaded.kind !== "answered") return loaded;
  const run = loaded.value;
  const record = await readRecord({
    runId,
    loaded: run,
    lastSeq,
    room,
    readFacts: (afterSeq) => ask(() => deps.store.readFacts({ tenantId, runId, afterSeq })),
    beforeFold: () => stallWatch.seen(),
    afterFold: () => stallWatch.ran(lease),
  });
  if (record.kind !== "answered") return record;
  chargeRecords(deps.turns, tenantId, run.facts);
  return { kind: "answered", value: { run, record: record.value } };
}
