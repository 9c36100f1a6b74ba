import { Dialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import type { Thread } from "@hsafa/protocol";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useState } from "react";
import { useAct } from "../actions/use-act.ts";
import { useKeys } from "../frame/keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import styles from "../actions/actions.module.css";
import { threadTitle } from "./thread-title.ts";

/** Gives a thread another title, and deletes it after a person has confirmed it. */
export function ThreadActs({ thread, openRuns }: { readonly thread: Thread; readonly openRuns: number }) {
  const { client } = useSignedIn();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<"rename" | "delete" | null>(null);
  const [title, setTitle] = useState(thread.title ?? "");
  const close = (): void => setAsked(null);
  const rename = (): void => {
    setTitle(thread.title ?? "");
    setAsked("rename");
  };
  useKeys("Acts", [
    { keys: "r", does: "rename the thread", run: rename },
    { keys: "D", does: "delete the thread", run: () => setAsked("delete") },
  ]);
  return (
    <>
      <button type="button" className={styles.button} onClick={rename}>
        Rename…
      </button>
      <button type="button" className={styles.button} onClick={() => setAsked("delete")}>
        Delete…
      </button>
      <Asked
        isOpen={asked === "rename"}
        heading="Rename this thread"
        verb="Rename"
        act={() => client.threads.rename(thread.id, title.trim() === "" ? null : title.trim())}
        onClose={close}
      >
        <label htmlFor="thread-title">Title</label>
        <input
          id="thread-title"
          value={title}
          autoFocus
          autoComplete="off"
          onChange={({ target }) => setTitle(target.value)}
        />
      </Asked>
      <Asked
        isOpen={asked === "delete"}
        heading={`Delete ${threadTitle(thread)}?`}
        verb="Delete"
        isGrave
        act={async () => {
          await client.threads.delete(thread.id);
          // What follows an act reads anew what is shown, and this thread is gone.
          await navigate({ to: "/threads" });
        }}
        onClose={close}
      >
        <p>
          What was said in it is removed, and cannot be brought back.
          {openRuns === 0 ? "" : " Its runs that have not ended are canceled."} Branches of it keep what they need.
        </p>
      </Asked>
    </>
  );
}

/** Makes a thread that goes on from the end of a run, and leads to it. */
export function BranchThread(props: {
  readonly thread: Thread;
  /** The run; null: nobody has asked. */
  readonly runId: string | null;
  readonly onClose: () => void;
}) {
  const { thread, runId, onClose } = props;
  const { client } = useSignedIn();
  const navigate = useNavigate();
  const [title, setTitle] = useState("");
  return (
    <Asked
      isOpen={runId !== null}
      heading="Branch from here"
      verb="Branch"
      act={async () => {
        const made = await client.threads.branch(runId ?? "", {
          ...(title.trim() === "" ? {} : { title: title.trim() }),
          ...(thread.subject === null ? {} : { subject: thread.subject }),
        });
        void navigate({ to: "/threads/$thread", params: { thread: made.id } });
      }}
      onClose={onClose}
    >
      <p>A new thread goes on from the end of this run. This one stays as it is.</p>
      <label htmlFor="branch-title">Title of the new thread</label>
      <input
        id="branch-title"
        value={title}
        autoFocus
        autoComplete="off"
        onChange={({ target }) => setTitle(target.value)}
      />
    </Asked>
  );
}

function Asked(props: {
  readonly isOpen: boolean;
  readonly heading: string;
  readonly verb: string;
  readonly isGrave?: boolean;
  readonly act: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const { isOpen, heading, verb, isGrave = false, act: what, onClose, children } = props;
  const { act, isActing, fault } = useAct();
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (await act(what)) onClose();
  }
  return (
    <Dialog
      open={isOpen}
      onClose={onClose}
      className={styles.dialog}
      backdrop={<div className={styles.backdrop} />}
      unmountOnHide
    >
      <form onSubmit={(event) => void submit(event)}>
        <DialogHeading>{heading}</DialogHeading>
        {children}
        {fault !== null && (
          <p role="alert" className={styles.fault}>
            {fault}
          </p>
        )}
        <div className={styles.row}>
          <button
            type="submit"
            className={isGrave ? styles.grave : styles.main}
            disabled={isActing}
            autoFocus={isGrave}
          >
            {verb}
          </button>
          <DialogDismiss className={styles.button}>Not now</DialogDismiss>
        </div>
      </form>
    </Dialog>
  );
}
