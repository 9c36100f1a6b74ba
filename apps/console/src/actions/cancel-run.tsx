import { Dialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import { type FormEvent, useState } from "react";
import { useKeys } from "../frame/keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { CopyAs } from "./copy-as.tsx";
import { useAct } from "./use-act.ts";
import styles from "./actions.module.css";

/** Asks a run to end, after a person has confirmed it. */
export function CancelRun({ runId, agentName }: { readonly runId: string; readonly agentName: string }) {
  const { client } = useSignedIn();
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const { act, isActing, fault } = useAct();
  useKeys("Acts", [{ keys: "x", does: "cancel the run", run: () => setOpen(true) }]);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const params = reason === "" ? {} : { reason };
    if (await act(() => client.runs.cancel(runId, params))) setOpen(false);
  }

  return (
    <>
      <button type="button" className={styles.button} onClick={() => setOpen(true)}>
        Cancel
      </button>
      {isOpen && (
        <Dialog
          open
          onClose={() => setOpen(false)}
          className={styles.dialog}
          backdrop={<div className={styles.backdrop} />}
        >
          <form onSubmit={(event) => void submit(event)}>
            <DialogHeading>Cancel this run of {agentName}?</DialogHeading>
            <p>The model is stopped, and devices are told. What is done stays done.</p>
            <label htmlFor="reason">Reason (optional)</label>
            <input id="reason" value={reason} onChange={({ target }) => setReason(target.value)} autoComplete="off" />
            {fault !== null && (
              <p role="alert" className={styles.fault}>
                {fault}
              </p>
            )}
            <div className={styles.row}>
              <button type="submit" className={styles.grave} disabled={isActing}>
                Cancel the run
              </button>
              <DialogDismiss className={styles.button}>Let it run</DialogDismiss>
              <CopyAs call={{ kind: "cancel", runId, reason }} />
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
