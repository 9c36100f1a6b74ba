import { CliError } from "./cli-error.ts";
import { connect } from "./connect.ts";
import { describeDecision } from "./describe-decision.ts";
import { own } from "./shown.ts";
import { askYes, canAsk, note, report } from "./terminal.ts";

/** A decision about a call that awaits approval. */
export interface CallDecision {
  readonly approved: boolean;
  /** Approve it without being asked. */
  readonly yes?: true;
  /** Show its arguments to the end. */
  readonly full?: true;
  readonly reason?: string;
  readonly json?: true;
}

/** Shows a call that awaits approval, asks where it is to be approved, and decides it. */
export async function decideCall(runId: string, callId: string, decision: CallDecision): Promise<void> {
  const { approved, yes, full, reason, json } = decision;
  const client = connect();
  const bound = full === true ? { charactersMax: Number.POSITIVE_INFINITY } : {};
  const { shown, isWhole, digest } = await describeDecision(client, { runId, callId, ...bound });
  note(shown);
  if (approved && yes !== true) {
    if (!canAsk())
      throw new CliError(own`Nobody can be asked here. To approve this call, add --yes; to refuse it, --deny.`);
    // Nobody approves what they have not seen.
    if (!isWhole) throw new CliError(own`Not all of its arguments are shown; add --full to see and decide them.`);
    if (!(await askYes(own`Approve this call?`))) throw new CliError(own`Nothing was decided; the call still waits.`);
  }
  await client.runs.approve(runId, { callId, approved, digest, reason });
  report(json, { runId, callId, approved }, own`${approved ? own`approved` : own`denied`} ${callId}`);
}
