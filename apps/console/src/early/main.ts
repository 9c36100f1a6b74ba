/**
 * What a page asks the gateway while it is still being made. The build makes a script of its own of this. It is small
 * and begins first, so that the answers come while the browser reads the rest.
 */
import { createSessionClient, createSessions } from "@hsafa/client/session";
import { parsePosition, type Position } from "@hsafa/protocol";
import { loadRunPage } from "../run/load-run-page.ts";
import { beginFirstReads } from "../run/record/first-reads.ts";
import { earlyAnswers } from "./early-answers.ts";

// A file is shown without a gateway. Who takes the session tells what became of it.
if (location.pathname !== "/open") askEarly(location.origin).catch(() => {});

/** Asks who is signed in, and then for the run that the address names. */
async function askEarly(url: string): Promise<void> {
  const named = runIn(location);
  if (named !== null) void loadRunPage();
  const asked = createSessions({ url }).get();
  earlyAnswers.askedSession(asked);
  const answer = await asked;
  earlyAnswers.answeredSession(answer);
  if (named === null || answer.session === null) return;
  const reads = beginFirstReads(createSessionClient({ url, canMakeTokens: false }), named.runId, named.at);
  // Who takes it awaits it.
  reads.run.catch(() => {});
  earlyAnswers.keepRun({ ...named, reads });
}

/** The run that an address names, and where its page opens. */
function runIn({ pathname, search }: Location): { readonly runId: string; readonly at: Position | null } | null {
  const runId = /^\/runs\/([\w-]+)$/.exec(pathname)?.[1];
  return runId === undefined ? null : { runId, at: parsePosition(new URLSearchParams(search).get("at") ?? "") };
}
