import { Dialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import { type FactEvent, formatPlace, type Run, type StartedRun } from "@hsafa/protocol";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useId, useState } from "react";
import { CopyAs } from "../../actions/copy-as.tsx";
import { useAct } from "../../actions/use-act.ts";
import { useAgentVersions } from "../../agents/use-agents.ts";
import { useKeys } from "../../frame/keys.ts";
import { useSignedIn } from "../../session/session-gate.tsx";
import { shortHash } from "../../words/short-id.ts";
import { positionOf } from "../record/run-record.ts";
import { inLine } from "../transcript/transcript-rows.ts";
import { type ForkedCall, type ForkPoint, forkPointAt } from "./fork-point.ts";
import actions from "../../actions/actions.module.css";
import styles from "./fork-run.module.css";

/** Starts a run that goes on from a fact of this one, after a person has seen what it takes over. */
export function ForkRun(props: {
  readonly run: Run;
  /** Those of the run, from the first one. */
  readonly facts: readonly FactEvent[];
  readonly seq: number;
  readonly generation: string;
  readonly takesKey?: boolean;
}) {
  const { run, facts, seq, generation, takesKey = false } = props;
  const [isOpen, setOpen] = useState(false);
  const title = takesKey ? "Fork…" : "Fork from here…";
  useKeys("Acts", takesKey ? [{ keys: "f", does: "fork from the shown position", run: () => setOpen(true) }] : []);
  return (
    <>
      <button type="button" className={actions.button} onClick={() => setOpen(true)}>
        {title}
      </button>
      {isOpen && (
        <Dialog
          open
          onClose={() => setOpen(false)}
          className={`${actions.dialog} ${styles.dialog}`}
          backdrop={<div className={actions.backdrop} />}
        >
          {isReadUpTo(facts, seq) ? (
            <ForkForm run={run} facts={facts} seq={seq} generation={generation} onDone={() => setOpen(false)} />
          ) : (
            <p role="status">The facts up to there are still being read.</p>
          )}
        </Dialog>
      )}
    </>
  );
}

/** Whether no fact is missing before this one. */
function isReadUpTo(facts: readonly FactEvent[], seq: number): boolean {
  const last = facts[seq - 1];
  return last !== undefined && positionOf(last).seq === seq;
}

function ForkForm(props: {
  readonly run: Run;
  readonly facts: readonly FactEvent[];
  readonly seq: number;
  readonly generation: string;
  readonly onDone: () => void;
}) {
  const { run, facts, seq, generation, onDone } = props;
  const { client } = useSignedIn();
  const navigate = useNavigate();
  const id = useId();
  // What comes meanwhile changes nothing about it.
  const [point] = useState(() => forkPointAt(facts, seq));
  const [text, setText] = useState(point.said?.text ?? "");
  const [versionId, setVersionId] = useState("");
  const [rerun, setRerun] = useState<readonly string[]>([]);
  const { act, isActing, fault } = useAct();
  const says = point.said === null ? text.trim() !== "" : text !== point.said.text;
  const mustSay = point.mustSay && rerun.length === 0;
  const body = {
    position: formatPlace({ seq: point.seq, sub: 0 }, generation),
    ...(says ? { input: text } : {}),
    ...(versionId === "" ? {} : { versionId }),
    ...(rerun.length === 0 ? {} : { rerun: [...rerun] }),
  };

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    let started: StartedRun | null = null;
    const isDone = await act(async () => {
      started = await client.runs.fork(run.id, body);
    });
    if (!isDone || started === null) return;
    onDone();
    await navigate({ to: "/runs/$runId", params: { runId: (started as StartedRun).runId }, search: {} });
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <DialogHeading>
        Fork this run of {run.agentName} from <code>{point.seq}-0</code>
      </DialogHeading>
      <p>
        A new run goes on from there, and this one stays as it is.
        {point.seq < seq ? " The step at the shown position was not over, so the fork begins before it." : ""}
      </p>
      <label htmlFor={`${id}-text`}>{labelOf(point)}</label>
      <textarea
        id={`${id}-text`}
        autoFocus
        rows={3}
        value={text}
        required={point.mustSay && rerun.length === 0}
        onChange={({ target }) => setText(target.value)}
      />
      <VersionChoice id={`${id}-version`} run={run} value={versionId} onChange={setVersionId} />
      {point.said?.hasFiles === true && says && <p>The files of the message do not come along with other words.</p>}
      <TakenOver
        calls={point.calls}
        rerun={rerun}
        onRerun={(callId, isAgain) =>
          setRerun((before) => (isAgain ? [...before, callId] : before.filter((one) => one !== callId)))
        }
      />
      {fault !== null && (
        <p role="alert" className={actions.fault}>
          {fault}
        </p>
      )}
      <div className={actions.row}>
        <button type="submit" className={actions.main} disabled={isActing || (mustSay && text.trim() === "")}>
          Fork
        </button>
        <DialogDismiss className={actions.button}>Not now</DialogDismiss>
        <CopyAs call={{ kind: "fork", runId: run.id, body }} />
      </div>
    </form>
  );
}

function labelOf({ said, mustSay }: ForkPoint): string {
  if (said !== null) return "what the user says there";
  return mustSay
    ? "what the user says next: the model has nothing to answer without it"
    : "what the user says next (optional: without it the model is asked again)";
}

function VersionChoice(props: {
  readonly id: string;
  readonly run: Run;
  readonly value: string;
  readonly onChange: (versionId: string) => void;
}) {
  const { id, run, value, onChange } = props;
  const versions = useAgentVersions(run.agentId);
  const own = versions.items.find((version) => version.id === run.versionId);
  return (
    <>
      <label htmlFor={id}>version</label>
      <select id={id} value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">that of this run{own === undefined ? "" : `: ${own.version}`}</option>
        {versions.items
          .filter((version) => version.id !== run.versionId)
          .map((version) => (
            <option key={version.id} value={version.id}>
              {version.version}, {shortHash(version.configHash)}
            </option>
          ))}
      </select>
    </>
  );
}

/** What of the run counts for the fork too, and which calls a person wants to be executed again. */
function TakenOver(props: {
  readonly calls: readonly ForkedCall[];
  readonly rerun: readonly string[];
  readonly onRerun: (callId: string, isAgain: boolean) => void;
}) {
  const { calls, rerun, onRerun } = props;
  if (calls.length === 0) return <p>No tool was called up to there, so nothing is reused.</p>;
  return (
    <fieldset className={styles.calls}>
      <legend>Nothing is executed again unasked</legend>
      <ul>
        {calls.map((call) => {
          const { callId, toolName, args, outcome, isOfLastStep } = call;
          const isAgain = rerun.includes(callId);
          return (
            <li key={callId}>
              <div className={styles.call}>
                <b>{toolName}</b> <code>{inLine(args, 80)}</code>
              </div>
              <p className={styles.fate}>
                {isAgain
                  ? "is executed again"
                  : outcome === null
                    ? "had no result there: it is not repeated, and the model is told so"
                    : outcome.failed
                      ? `reused, as failed: ${inLine(outcome.value, 80)}`
                      : `reused: ${inLine(outcome.value, 80)}`}
              </p>
              {isOfLastStep && (
                <label className={styles.again}>
                  <input type="checkbox" checked={isAgain} onChange={({ target }) => onRerun(callId, target.checked)} />
                  execute {toolName} again
                </label>
              )}
            </li>
          );
        })}
      </ul>
    </fieldset>
  );
}
