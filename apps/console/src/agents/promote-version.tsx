import { Dialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import type { Agent, AgentVersion } from "@hsafa/protocol";
import { type FormEvent, useState } from "react";
import { CopyAs } from "../actions/copy-as.tsx";
import { useAct } from "../actions/use-act.ts";
import { useKeys } from "../frame/keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import styles from "../actions/actions.module.css";

/** Makes a version the one that new runs take, after a person has confirmed it. */
export function PromoteVersion({ agent, version }: { readonly agent: Agent; readonly version: AgentVersion }) {
  const { client } = useSignedIn();
  const [isOpen, setOpen] = useState(false);
  const { act, isActing, fault } = useAct();
  useKeys("Acts", [{ keys: "p", does: "promote this version", run: () => setOpen(true) }]);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (await act(() => client.agents.promote(agent.name, version.id))) setOpen(false);
  }

  return (
    <>
      <button type="button" className={styles.button} onClick={() => setOpen(true)}>
        Promote…
      </button>
      <Dialog
        open={isOpen}
        onClose={() => setOpen(false)}
        className={styles.dialog}
        backdrop={<div className={styles.backdrop} />}
      >
        <form onSubmit={(event) => void submit(event)}>
          <DialogHeading>
            Promote version {version.version} of {agent.name}?
          </DialogHeading>
          <p>
            New runs take it from now on
            {agent.currentVersion === null ? "" : `, in place of version ${agent.currentVersion.version}`}. Runs that
            are under way stay with theirs.
          </p>
          {fault !== null && (
            <p role="alert" className={styles.fault}>
              {fault}
            </p>
          )}
          <div className={styles.row}>
            <button type="submit" className={styles.main} disabled={isActing} autoFocus>
              Promote
            </button>
            <DialogDismiss className={styles.button}>Not now</DialogDismiss>
            <CopyAs call={{ kind: "promote", agent: agent.name, versionId: version.id, version: version.version }} />
          </div>
        </form>
      </Dialog>
    </>
  );
}
