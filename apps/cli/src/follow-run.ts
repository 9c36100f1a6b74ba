import { type Client, HsafaError, type RunStreamCut, type RunStreamEvent } from "@hsafa/client";
import { type FinishReason, isWholeAnswer, type RunStatus } from "@hsafa/protocol";
import { ChildTeller } from "./child-teller.ts";
import { enteredAt } from "./entered-at.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { createRunPrinter } from "./run-printer.ts";
import { own, styled } from "./shown.ts";
import { isResultOnTerminal, note, print, tellJson } from "./terminal.ts";
import { WaitTeller } from "./wait-teller.ts";

/**
 * Prints a run's events until the run ends, and returns the exit code for its outcome. Ctrl-C stops watching and prints
 * how to come back; the run goes on.
 */
export async function followRun(
  client: Client,
  params: { runId: string; after?: string; json: boolean },
): Promise<ExitCode> {
  const { runId, after, json } = params;
  const printer = createRunPrinter({ marksResult: isResultOnTerminal() });
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  process.once("SIGINT", leave);
  const waits = new WaitTeller(client, runId);
  const children = new ChildTeller(client);
  let position = after;
  let ended: ExitCode | null = null;
  let mergedInto: string | null = null;
  try {
    for await (const event of client.runs.stream(runId, { after, signal: leaving.signal, onCut: tellCut })) {
      if (json) tellJson(event);
      else await children.hear(event);
      if (!json) for (const { to, shown } of printer(event)) print(to, shown);
      waits.hear(event);
      if ("id" in event) position = event.id;
      ended = outcomeOf(event);
      if (event.type === "run.merged") mergedInto = event.data.into;
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    const from = position === undefined ? own`` : own` --after ${position}`;
    note(
      own`\nStopped watching; the run goes on.\n  watch it:  npx hsafa watch ${runId}${from}\n  cancel it: npx hsafa cancel ${runId}`,
    );
    return EXIT.detached;
  } finally {
    waits.close();
    children.close();
    process.removeListener("SIGINT", leave);
  }
  // The answer comes in the run that the message has entered.
  if (mergedInto !== null)
    return followRun(client, { runId: mergedInto, after: await enteredAt(client, mergedInto, runId), json });
  if (ended !== null) return ended;
  // A stream that resumes after the last event of an ended run has no events.
  const run = await client.runs.get(runId);
  const code = codeOf(run.status, run.finishReason);
  if (code !== null) return code;
  throw new HsafaError({
    code: "unexpected_response",
    message: `The stream ended while the run is ${run.status}, which is no end of a run.`,
  });
}

function tellCut({ delayMs }: RunStreamCut): void {
  note(styled("yellow", own`\n(the connection was lost; coming back in ${(delayMs / 1000).toFixed(1)} s)`));
}

/** Returns the exit code of an event that ends the run, or null. */
function outcomeOf(event: RunStreamEvent): ExitCode | null {
  switch (event.type) {
    case "run.completed":
      return codeOf("completed", event.data.finishReason ?? null);
    case "run.canceled":
      return EXIT.runCanceled;
    case "run.failed":
      return EXIT.runFailed;
    default:
      return null;
  }
}

/** Returns the exit code of a run that has ended, or null if it has not. */
function codeOf(status: RunStatus, finishReason: FinishReason | null): ExitCode | null {
  switch (status) {
    case "merged":
      return EXIT.done;
    case "completed":
      return finishReason === null || isWholeAnswer(finishReason) ? EXIT.done : EXIT.runIncomplete;
    case "canceled":
      return EXIT.runCanceled;
    case "failed":
      return EXIT.runFailed;
    case "queued":
    case "running":
    case "waiting_tool":
      return null;
    default:
      return status satisfies never;
  }
}
