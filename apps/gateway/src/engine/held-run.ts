import { parseFact } from "../core/event-record.ts";
import { evolve, initialState } from "../core/evolve.ts";
import type { RunState } from "../core/run-state.ts";
import type { DispatchContext, Inbox, LoadedRun } from "../ports/fleet-store.ts";
import type { ThreadHistory } from "./perform/thread-history.ts";
import type { Round } from "./plan-round.ts";
import type { RunWriter } from "./run-writer.ts";

/** What a holder has of its run: the committed state, the inputs as it last read them, and the way out for events. */
export class HeldRun {
  readonly writer: RunWriter;
  readonly history: ThreadHistory;
  #state: RunState;
  #inbox: Inbox;
  #dispatchContext: DispatchContext;

  constructor(params: {
    readonly runId: string;
    readonly loaded: LoadedRun;
    readonly writer: RunWriter;
    readonly history: ThreadHistory;
  }) {
    const { runId, loaded, writer, history } = params;
    const { config, deviceKey, facts, inbox, dispatchContext } = loaded;
    this.writer = writer;
    this.history = history;
    this.#state = initialState({ runId, config, deviceKey });
    for (const record of facts) this.#state = evolve(this.#state, parseFact(record), record.ts);
    this.#inbox = inbox;
    this.#dispatchContext = dispatchContext;
  }

  get state(): RunState {
    return this.#state;
  }

  /** As last read, less what commits have consumed since. */
  get inbox(): Inbox {
    return this.#inbox;
  }

  get dispatchContext(): DispatchContext {
    return this.#dispatchContext;
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
    };
  }
}
