import { useMemo, useSyncExternalStore } from "react";
import type { StartPolicy, UserMessage } from "@hsafa/protocol";
import type { ToolPart, ViewMessage } from "../run-view.ts";
import { createFiles } from "../files.ts";
import { messagesOf, openRuns, questionsOf, runsWithMessages } from "../thread-view.ts";
import { useHsafa } from "./hsafa-provider.ts";
import { EMPTY_THREAD_SNAPSHOT, type ThreadSnapshot, threadStore, type UnsentMessage } from "./thread-store.ts";
import { decisionOn } from "./use-run.ts";

/** How a component speaks in a thread. */
export interface UseThreadOptions {
  /** The agent that `send` and `regenerate` ask. */
  readonly agent: string;
  /** The device that the runs start from: tools with `select: "origin"` execute there. */
  readonly deviceKey?: string;
  /** What becomes of a message while another run is in progress, unless `send` says otherwise; `queue` if left out. */
  readonly policy?: StartPolicy;
}

/** How one message is sent. */
export interface SendOptions {
  /** What becomes of it while another run is in progress. `steer`: it enters that run at its next step. */
  readonly policy?: StartPolicy;
  /** Files that go with it, such as those of an `<input type="file">`. They are uploaded first. */
  readonly files?: readonly Blob[];
}

/** A message as a list shows it: one of a run, or one that no run shows yet. */
export type ShownMessage =
  | (ViewMessage & { readonly unsent?: undefined })
  | {
      readonly role: "user";
      readonly id: string;
      readonly content: UserMessage["content"];
      readonly unsent: UnsentMessage;
    };

/** A call that awaits an approval, and the run that it is of. */
export interface ThreadQuestion {
  readonly runId: string;
  readonly call: ToolPart;
}

/** A conversation that a component shows, and what a person can do in it. */
export interface ShownThread extends Omit<ThreadSnapshot, "unsent"> {
  /** What was said, the oldest first, with what is on its way at the end. `key` is the same for a message for ever. */
  readonly messages: readonly (ShownMessage & { readonly key: string })[];
  /** The calls that await an approval. */
  readonly questions: readonly ThreadQuestion[];
  /** Whether an answer is coming. */
  readonly isRunning: boolean;
  /** Says something. Never rejects: what went wrong stands with the message. */
  send(content: UserMessage["content"], options?: SendOptions): Promise<void>;
  /** Sends again what could not be sent. */
  resend(message: UnsentMessage): Promise<void>;
  /** Forgets what could not be sent. */
  discard(message: UnsentMessage): void;
  /** Cancels what is running. Rejects with an `HsafaError`. */
  stop(): Promise<void>;
  /** Asks the last question again, as a new run. What was answered stays in the thread. */
  regenerate(): Promise<void>;
  /** Approves or denies a call, exactly as it is shown. Rejects with an `HsafaError`. */
  decide(question: ThreadQuestion, approved: boolean, reason?: string): Promise<void>;
}

/**
 * Shows a conversation and speaks in it. `thread` is its id, or any name: a user's own thread of that name, which is
 * made if there is none. What others say in it, in other tabs or by programs, appears by itself. All components that
 * show the same thread share its streams.
 */
export function useThread(thread: string, { agent, deviceKey, policy }: UseThreadOptions): ShownThread {
  const { client, options: connection } = useHsafa();
  const store = useMemo(() => threadStore(client, thread), [client, thread]);
  const snapshot = useSyncExternalStore(store.subscribe, store.getSnapshot, () => EMPTY_THREAD_SNAPSHOT);
  const { view, unsent } = snapshot;
  const messages = useMemo(() => shownMessages(view, unsent), [view, unsent]);
  const questions = useMemo(() => questionsOf(view), [view]);
  const actions = useMemo(() => {
    const send = (content: UserMessage["content"], options: SendOptions = {}): Promise<void> => {
      const { policy: chosen = policy, files = [] } = options;
      const more = {
        ...(deviceKey === undefined ? {} : { deviceKey }),
        ...(chosen === undefined ? {} : { policy: chosen }),
      };
      const { upload } = createFiles(connection);
      return store.send(agent, content, more, files.length === 0 ? undefined : { files, upload });
    };
    return {
      send,
      resend: ({ id }: UnsentMessage) => store.resend(id),
      discard: ({ id }: UnsentMessage) => store.discard(id),
      stop: () => store.stop(),
      async regenerate() {
        const last = messagesOf(store.getSnapshot().view).findLast(({ role }) => role === "user");
        if (last?.role === "user") await send(last.content);
      },
      async decide({ runId, call }: ThreadQuestion, approved: boolean, reason?: string) {
        await client.runs.approve(runId, decisionOn(call, approved, reason));
      },
    };
  }, [client, connection, store, agent, deviceKey, policy]);
  const isRunning = openRuns(view).length > 0 || unsent.some(({ error }) => error === null);
  return { ...snapshot, messages, questions, isRunning, ...actions };
}

function shownMessages(view: ThreadSnapshot["view"], unsent: readonly UnsentMessage[]): ShownThread["messages"] {
  const said = [...view.inherited, ...runsWithMessages(view)].flatMap(({ runId, messages }) =>
    messages.map((message) => ({ ...message, key: `${runId} ${message.id}` })),
  );
  const waiting = unsent.map((one) => ({
    role: "user" as const,
    id: one.id,
    content: one.content,
    unsent: one,
    key: one.id,
  }));
  return [...said, ...waiting];
}
