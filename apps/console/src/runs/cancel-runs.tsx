import { Dialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import styles from "../actions/actions.module.css";
import { CANCELS_AT_ONCE } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { count } from "../words/count.ts";
import { shortId } from "../words/short-id.ts";
import { actOnEach, type EachOutcome } from "./act-on-each.ts";

/** Asks several runs to end, after a person has confirmed it, and tells which of them were not asked, and why. */
export function CancelRuns(props: {
  readonly runIds: readonly string[];
  readonly isOpen: boolean;
  /** `left`: the runs that were not asked. */
  readonly onClose: (left: readonly string[]) => void;
}) {
  const { runIds, isOpen, onClose } = props;
  const { client } = useSignedIn();
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const [isActing, setActing] = useState(false);
  const [outcome, setOutcome] = useState<EachOutcome | null>(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setActing(true);
    const cancel = (runId: string): Promise<unknown> => client.runs.cancel(runId, reason === "" ? {} : { reason });
    setOutcome(await actOnEach(runIds, cancel, CANCELS_AT_ONCE));
    setActing(false);
    void queries.invalidateQueries();
  }
  function close(): void {
    onClose(outcome === null ? runIds : outcome.failed.map(({ id }) => id));
    setOutcome(null);
    setReason("");
  }

  return (
    <Dialog open={isOpen} onClose={close} className={styles.dialog} backdrop={<div className={styles.backdrop} />}>
      {outcome === null ? (
        <form onSubmit={(event) => void submit(event)}>
          <DialogHeading>Cancel {count(runIds.length, "run")}?</DialogHeading>
          <p>Their models are stopped, and devices are told. What is done stays done.</p>
          <label htmlFor="reason">Reason (optional)</label>
          <input id="reason" value={reason} onChange={({ target }) => setReason(target.value)} autoComplete="off" />
          <div className={styles.row}>
            <button type="submit" className={styles.grave} disabled={isActing}>
              {isActing ? "Canceling…" : `Cancel ${count(runIds.length, "run")}`}
            </button>
            <DialogDismiss className={styles.button}>Let them run</DialogDismiss>
          </div>
        </form>
      ) : (
        <>
          <DialogHeading>{count(outcome.done.length, "run")} asked to end</DialogHeading>
          {outcome.failed.length > 0 && (
            <div role="alert">
              <p className={styles.fault}>{count(outcome.failed.length, "run")} not:</p>
              <ul>
                {outcome.failed.map(({ id, why }) => (
                  <li key={id}>
                    <code title={id}>{shortId(id)}</code> {why}
                  </li>
                ))}
              </ul>
            </div>
          )}
          <div className={styles.row}>
            <DialogDismiss className={styles.main}>Done</DialogDismiss>
          </div>
        </>
      )}
    </Dialog>
  );
}
