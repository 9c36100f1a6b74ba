import { isTerminalStatus } from "@hsafa/protocol";
import type { Commit, FleetStore, Inbox, PendingInput } from "../../src/ports/fleet-store.ts";
import type { Plant } from "./plants.ts";

type InboxReads = Pick<FleetStore, "loadRun" | "readInbox">;

/**
 * Undoes the order in which an engine takes what waits, at the place where it reads: it is handed only what the undone
 * rule would have it look at first, as if that were all. What is held back is added to the counts that its commits
 * name, so that the guard of the inbox stays as good as it is and nothing but the order is wrong.
 */
export class ShortReads {
  readonly #plant: Plant | null;
  /** By run and epoch: how many inputs its holder does not know of, and which of them it would have read. */
  readonly #heldBack = new Map<string, { readonly count: number; readonly inputIds: readonly string[] }>();

  constructor(plant: Plant | null) {
    this.#plant = plant;
  }

  /** The reads of an inbox, those of them that are short. */
  of(fleet: InboxReads): Partial<InboxReads> {
    if (!this.#isShort) return {};
    return {
      loadRun: async (params) => {
        const loaded = await fleet.loadRun(params);
        return loaded === null ? null : { ...loaded, inbox: this.#handOut(params, loaded.inbox) };
      },
      readInbox: async (params) => {
        const read = await fleet.readInbox(params);
        return read === null ? null : { ...read, inbox: this.#handOut(params, read.inbox) };
      },
    };
  }

  /**
   * The same commit with the count of everything that waits; one that ends the run names what would have been read with
   * the rest.
   */
  guarded(commit: Commit): Commit {
    const { inboxMustBe, consumed } = commit;
    const heldBack = this.#heldBack.get(holdOf(commit));
    if (heldBack === undefined || inboxMustBe === null) return commit;
    return {
      ...commit,
      inboxMustBe: inboxMustBe + heldBack.count,
      consumed: isTerminalStatus(commit.run.status) ? [...consumed, ...heldBack.inputIds] : consumed,
    };
  }

  get #isShort(): boolean {
    return (
      this.#plant === "cancel_before_results" ||
      this.#plant === "loss_before_results" ||
      this.#plant === "cancel_before_unread"
    );
  }

  #handOut(holder: { readonly runId: string; readonly epoch: number }, inbox: Inbox): Inbox {
    const handed = this.#shortened(inbox);
    const heldBack = inbox.inputs.filter((pending) => !handed.inputs.includes(pending));
    this.#heldBack.set(holdOf(holder), {
      count: inbox.count - handed.count,
      inputIds: heldBack.map(({ inputId }) => inputId),
    });
    return handed;
  }

  #shortened(inbox: Inbox): Inbox {
    const { count, inputs } = inbox;
    const isWhole = count === inputs.length;
    const cancels = inputs.filter(({ input }) => input.kind === "cancel");
    switch (this.#plant) {
      case "cancel_before_results":
        return isWhole && cancels.length > 0 ? { count: cancels.length, inputs: cancels } : inbox;
      case "loss_before_results": {
        const handed = inputs.filter((pending) => !isBehindItsLoss(pending, inputs));
        return { count: count - inputs.length + handed.length, inputs: handed };
      }
      case "cancel_before_unread":
        return cancels.length > 0 ? { count: inputs.length, inputs } : inbox;
      default:
        return inbox;
    }
  }
}

/** Whether this is a result before which, in the order of their coming, stands the news that its call was lost. */
function isBehindItsLoss(pending: PendingInput, inputs: readonly PendingInput[]): boolean {
  const { input } = pending;
  if (input.kind !== "tool_result") return false;
  return inputs
    .slice(0, inputs.indexOf(pending))
    .some(({ input: other }) => other.kind === "dispatch_lost" && other.callId === input.callId);
}

function holdOf({ runId, epoch }: { readonly runId: string; readonly epoch: number }): string {
  return `${runId} ${epoch}`;
}
