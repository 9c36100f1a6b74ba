import { isTerminalStatus } from "@hsafa/protocol";
import type { Commit, FleetStore, Inbox, PendingInput } from "../../src/ports/fleet-store.ts";
import type { Plant } from "./plants.ts";

type InboxReads = Pick<FleetStore, "loadRun" | "readInbox">;

/**
 * Undoes the order in which an engine takes inputs, at the place where it reads them. It is handed only those inputs
 * that come first without the rule, as if there were no others. The commits that it makes are changed to count the
 * others too. So the guard of the inbox stays right, and nothing but the order is wrong.
 */
export class ShortReads {
  readonly #plant: Plant | null;
  /** By run and epoch: how many inputs are held back from the holder, and which of them it would have read. */
  readonly #heldBack = new Map<string, { readonly count: number; readonly inputIds: readonly string[] }>();

  constructor(plant: Plant | null) {
    this.#plant = plant;
  }

  /** The reads of an inbox, shortened. */
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

  /** The same commit with the count of all inputs. One that ends the run also consumes those that were held back. */
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
    const { count, inputs, resultsUnread } = inbox;
    const isWhole = count === inputs.length;
    const cancels = inputs.filter(({ input }) => input.kind === "cancel");
    switch (this.#plant) {
      case "cancel_before_results":
        return isWhole && cancels.length > 0 ? { count: cancels.length, inputs: cancels, resultsUnread } : inbox;
      case "loss_before_results": {
        const handed = inputs.filter((pending) => !isBehindItsLoss(pending, inputs));
        return { count: count - inputs.length + handed.length, inputs: handed, resultsUnread };
      }
      case "cancel_before_unread": {
        if (isWhole || cancels.length === 0) return inbox;
        const handed = inputs.filter(({ input }) => input.kind !== "tool_result");
        return { count: handed.length, inputs: handed, resultsUnread: false };
      }
      default:
        return inbox;
    }
  }
}

/** Whether this is a result, and the report that its call was lost came before it. */
function isBehindItsLoss(pending: PendingInput, inputs: readonly PendingInput[]): boolean {
  const { input } = pending;
  if (input.kind !== "tool_result") return false;
  return inputs.some(
    ({ inputId, input: other }) =>
      other.kind === "dispatch_lost" && other.callId === input.callId && Number(inputId) < Number(pending.inputId),
  );
}

function holdOf({ runId, epoch }: { readonly runId: string; readonly epoch: number }): string {
  return `${runId} ${epoch}`;
}
