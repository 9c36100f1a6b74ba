import type { RunState } from "../core/run-state.ts";
import type { DispatchContext, Inbox, LoadedRun } from "../ports/fleet-store.ts";
import type { Claim } from "./claim.ts";
import type { ParkedRun } from "./parked-runs.ts";
import type { FoldedRecord } from "./read-record.ts";
import type { ThreadHistory } from "./perform/thread-history.ts";
import type { Round } from "./plan-round.ts";
import type { RunWriter } from "./run-writer.ts";

/** What a holder opens its run with. */
export type OpenedRun = Pick<LoadedRun, "facts" | "lastPosition" | "inbox" | "dispatchContext">;

/** What a holder has of its run: the committed state, the inputs as it last read them, and the way out for events. */
export class HeldRun {
  readonly writer: RunWriter;
  readonly history: ThreadHistory;
  readonly #bytesLoaded: number;
  #state: RunState;
  #inbox: Inbox;
  #dispatchContext: DispatchContext;

  constructor(params: {
    readonly record: FoldedRecord;
    readonly loaded: Pick<LoadedRun, "inbox" | "dispatchContext">;
    readonly writer: RunWriter;
    readonly history: ThreadHistory;
  }) {
    const { record, loaded, writer, history } = params;
    const { inbox, dispatchContext } = loaded;
    this.writer = writer;
    this.history = history;
    this.#state = record.state;
    this.#bytesLoaded = record.bytes;
    this.#inbox = inbox;
    this.#dispatchContext = dispatchContext;
  }

  get state(): RunState {
    return this.#state;
  }

  /** Of the payloads of the run's facts. */
  get recordBytes(): number {
    return this.#bytesLoaded + this.writer.factBytes;
  }

  /** As last read, less what commits have consumed since. */
  get inbox(): Inbox {
    return this.#inbox;
  }

  get dispatchContext(): DispatchContext {
    return this.#dispatchContext;
  }

  /** Whether inputs wait, and must be read before any of them can be told. */
  get mustReadInbox(): boolean {
    return this.#inbox.count > 0 && this.#inbox.inputs.length === 0;
  }

  /** Lets go of the inputs that were read. A step may take long, and a megabyte for each held run is much. */
  forgetInputs(): void {
    this.#inbox = { ...this.#inbox, inputs: [] };
  }

  /** What is to be remembered of the record if this lease has parked the run; null: it has not. */
  parkedBy({ tenantId, runId, epoch }: Claim): Omit<ParkedRun, "recoveries" | "stalls" | "now"> | null {
    if (this.#state.phase !== "waiting") return null;
    const { lastFact, position: lastPosition } = this.writer;
    return { tenantId, runId, epoch, record: { state: this.#state, bytes: this.recordBytes }, lastFact, lastPosition };
  }

  /** The inbox was read again. */
  read({ inbox, dispatchContext }: { readonly inbox: Inbox; readonly dispatchContext: DispatchContext }): void {
    this.#inbox = inbox;
    this.#dispatchContext = dispatchContext;
  }

  /** The commit of this round was written. Nothing else moves the state on. */
  committed({ state, consumed }: Round): void {
    this.#state = state;
    this.#inbox = {
      count: this.#inbox.count - consumed.length,
      inputs: this.#inbox.inputs.filter(({ inputId }) => !consumed.includes(inputId)),
      resultsUnread: this.#inbox.resultsUnread,
    };
  }
}
