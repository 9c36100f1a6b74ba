import type { ToolCall } from "@hsafa/protocol";
import { useState } from "react";
import { JsonTree } from "../elements/json-tree.tsx";
import { TimeUntil } from "../elements/time-text.tsx";
import { useKeys } from "../frame/keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { CopyAs } from "./copy-as.tsx";
import { mayDo } from "./may-do.ts";
import { recipientWords } from "./recipient-words.ts";
import { useAct } from "./use-act.ts";
import styles from "./actions.module.css";

/**
 * Shows what a person is asked, exactly, and takes the decision. It is sent with the digest of what is shown here. If
 * the call has changed meanwhile, the gateway decides nothing.
 */
export function DecideCall({ call }: { readonly call: ToolCall }) {
  const { client, session } = useSignedIn();
  const [asked, setAsked] = useState<"approve" | "deny" | null>(null);
  const [reason, setReason] = useState("");
  const { act, isActing, fault } = useAct();
  const { approval, runId, id: callId, agentName, toolName, args } = call;
  const isOpen = call.status === "awaiting_approval";
  const may = isOpen && mayDo(session, "approvals:decide");
  const decide = async (approved: boolean): Promise<void> => {
    const bound = approval === null ? {} : { digest: approval.digest };
    const why = reason === "" ? {} : { reason };
    if (await act(() => client.runs.approve(runId, { callId, approved, ...bound, ...why }))) setAsked(null);
  };
  useKeys(
    "Decision",
    may
      ? [
          { keys: "a", does: "approve", run: () => setAsked("approve") },
          { keys: "d", does: "deny", run: () => setAsked("deny") },
          {
            keys: "Enter",
            does: "confirm the decision",
            run: () => asked !== null && void decide(asked === "approve"),
          },
        ]
      : [],
  );
  const where = approval === null ? "wherever its tool goes" : recipientWords(approval.recipient);

  return (
    <section className={styles.decision} aria-label="Decision">
      <p className={styles.sentence}>
        <b>{agentName}</b> wants to call <b>{toolName}</b>, and the call goes to <b>{where}</b>.
      </p>
      {approval !== null && (
        <p className={styles.meta}>
          {isOpen ? (
            <>
              It expires <TimeUntil at={approval.expiresAt} />.{" "}
            </>
          ) : null}
          {approval.groups.length > 0 && `Only the group ${approval.groups.join(" or ")} decides. `}
          {!approval.selfApproval && "Who started the run does not decide."}
        </p>
      )}
      <p className={styles.label}>exactly these arguments</p>
      <JsonTree value={args} />
      {may && asked === null && (
        <div className={styles.row}>
          <button type="button" className={styles.main} onClick={() => setAsked("approve")}>
            Approve…
          </button>
          <button type="button" className={styles.button} onClick={() => setAsked("deny")}>
            Deny…
          </button>
          <CopyAs call={{ kind: "approve", runId, callId, approved: true, digest: approval?.digest ?? null }} />
        </div>
      )}
      {may && asked !== null && (
        <div className={styles.confirm} role="group" aria-label="Confirm">
          <p>
            {asked === "approve" ? "Call" : "Do not call"} <b>{toolName}</b> on <b>{where}</b>? This cannot be taken
            back.
          </p>
          <label htmlFor={`reason-${callId}`}>Reason (optional)</label>
          <input
            id={`reason-${callId}`}
            value={reason}
            autoComplete="off"
            onChange={({ target }) => setReason(target.value)}
            onKeyDown={(event) => event.key === "Enter" && void decide(asked === "approve")}
          />
          <div className={styles.row}>
            <button
              type="button"
              autoFocus
              className={asked === "approve" ? styles.main : styles.grave}
              disabled={isActing}
              onClick={() => void decide(asked === "approve")}
            >
              {asked === "approve" ? "Approve" : "Deny"}
            </button>
            <button type="button" className={styles.button} onClick={() => setAsked(null)}>
              Back
            </button>
          </div>
        </div>
      )}
      {fault !== null && (
        <p role="alert" className={styles.fault}>
          {fault}
        </p>
      )}
    </section>
  );
}
