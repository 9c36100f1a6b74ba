/**
 * A conversation outside of React: what is shown of it, and what a person does about it.
 *
 * 1. What a person says is shown at once, and stands there until the run shows it. It is never shown twice.
 * 2. What could not be sent stays, with the reason. It is sent again under the same key, so it is never said twice.
 * 3. A thread's own key makes the thread when it is shown, so that others who speak in it are heard.
 */
import { isId, type StartPolicy, type UserMessage } from "@hsafa/protocol";
import type { Client } from "../client.ts";
import { HsafaError } from "../error.ts";
import { followThread } from "../follow-thread.ts";
import { randomId } from "../random-id.ts";
import { EMPTY_THREAD_VIEW, openRuns, type ThreadView } from "../thread-view.ts";
import { untilAnswered } from "../until-answered.ts";
import { type SentFiles, withSentFiles } from "./sent-files.ts";
import { createStore, keptStore, type Store } from "./kept-stores.ts";

/** Something that a person has said and that no run shows yet. */
export interface UnsentMessage {
  readonly id: string;
  readonly content: UserMessage["content"];
  /** The files that go with it. */
  readonly files: readonly Blob[];
  /** The agent that it is for, the device that it came from, and its policy for a busy thread. */
  readonly to: { readonly agent: string } & SentFrom;
  /** The run that it has started; `null` while it is on its way. */
  readonly runId: string | null;
  /** Why it could not be sent; `null`: it is on its way. */
  readonly error: Error | null;
}

/** What else a message is sent with. */
interface SentFrom {
  readonly deviceKey?: string;
  readonly policy?: StartPolicy;
}

/** A thread as a component shows it. */
export interface ThreadSnapshot {
  readonly view: ThreadView;
  readonly unsent: readonly UnsentMessage[];
  /** Whether anything was heard of the thread yet. */
  readonly isLoaded: boolean;
  /** False while the connection is cut and comes back by itself. */
  readonly isConnected: boolean;
  /** What ended the watching, and would not heal; `null`: nothing. */
  readonly error: Error | null;
}

/** What is shown of a thread before anything was heard of it, and on a server. */
export const EMPTY_THREAD_SNAPSHOT: ThreadSnapshot = {
  view: EMPTY_THREAD_VIEW,
  unsent: [],
  isLoaded: false,
  isConnected: true,
  error: null,
};

/** A conversation that components share. */
export interface ThreadStore extends Store<ThreadSnapshot> {
  /** Says something to an agent. Never rejects: what went wrong stands with the message. */
  send(agent: string, content: UserMessage["content"], more?: SentFrom, sent?: SentFiles): Promise<void>;
  /** Sends again what could not be sent. Never rejects. */
  resend(id: string): Promise<void>;
  /** Forgets what could not be sent. */
  discard(id: string): void;
  /** Cancels every run of the thread that has not ended. Rejects with an `HsafaError`. */
  stop(): Promise<void>;
}

/** Returns the store that follows this thread, which all components share. */
export function threadStore(client: Client, thread: string): ThreadStore {
  return keptStore(client, `thread ${thread}`, (forget) => createThreadStore(client, thread, forget));
}

function createThreadStore(client: Client, thread: string, forget: () => void): ThreadStore {
  const store = createStore<ThreadSnapshot>(
    EMPTY_THREAD_SNAPSHOT,
    () => {
      const stop = new AbortController();
      follow(stop.signal).catch((error: Error) => {
        if (!stop.signal.aborted) change({ error, isLoaded: true });
      });
      return () => stop.abort();
    },
    forget,
  );

  /** The files of messages that no run has taken yet. */
  const uploads = new Map<string, SentFiles>();

  function change(next: Partial<ThreadSnapshot>): void {
    store.set({ ...store.getSnapshot(), ...next });
  }

  async function follow(signal: AbortSignal): Promise<void> {
    if (!isId(thread)) await makeThread(signal); // 3.
    change({ isLoaded: true, error: null });
    const onCut = (): void => change({ isConnected: false });
    for await (const view of followThread(client, thread, { signal, onCut })) {
      const shown = new Set(view.runs.flatMap(({ runId, messages }) => (messages.length > 0 ? [runId] : [])));
      const unsent = store.getSnapshot().unsent.filter(({ runId }) => !shown.has(runId)); // 1.
      change({ view, unsent, isConnected: true });
    }
  }

  async function makeThread(signal: AbortSignal): Promise<void> {
    try {
      await untilAnswered(() => client.threads.create({ key: thread }, { signal }), signal);
    } catch (error) {
      // Who may only read is told whether there is such a thread.
      if (!(error instanceof HsafaError) || error.code !== "forbidden") throw error;
    }
  }

  function changeUnsent(id: string, next: Partial<UnsentMessage>): void {
    const { unsent } = store.getSnapshot();
    change({ unsent: unsent.map((one) => (one.id === id ? { ...one, ...next } : one)) });
  }

  async function post(id: string): Promise<void> {
    const message = store.getSnapshot().unsent.find((one) => one.id === id);
    if (message === undefined) return;
    const { to } = message;
    try {
      const content = await withSentFiles(message.content, uploads.get(id), id); // 2.
      const input = typeof content === "string" ? content : [{ role: "user" as const, content }];
      const started = await client.runs.start({ ...to, input, threadId: thread, idempotencyKey: id }); // 2.
      const isShown = store
        .getSnapshot()
        .view.runs.some(({ runId, messages }) => runId === started.runId && messages.length > 0);
      uploads.delete(id);
      if (isShown) discard(id);
      else changeUnsent(id, { runId: started.runId });
    } catch (error) {
      changeUnsent(id, { error: error as Error });
    }
  }

  function discard(id: string): void {
    uploads.delete(id);
    change({ unsent: store.getSnapshot().unsent.filter((one) => one.id !== id) });
  }

  return {
    subscribe: store.subscribe,
    getSnapshot: store.getSnapshot,
    discard,
    async send(agent, content, more = {}, sent) {
      const id = randomId();
      if (sent !== undefined) uploads.set(id, sent);
      const message = { id, content, files: sent?.files ?? [], to: { agent, ...more }, runId: null, error: null };
      change({ unsent: [...store.getSnapshot().unsent, message] });
      await post(id);
    },
    async resend(id) {
      changeUnsent(id, { error: null });
      await post(id);
    },
    async stop() {
      const { view, unsent } = store.getSnapshot();
      const runIds = [...openRuns(view), ...unsent].flatMap(({ runId }) => runId ?? []);
      await Promise.all(runIds.map((runId) => client.runs.cancel(runId)));
    },
  };
}
