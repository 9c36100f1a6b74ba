import type { ToolCall } from "@hsafa/protocol";
import { useSignedIn } from "../session/session-gate.tsx";
import { AnswerCall } from "./answer-call.tsx";
import { DecideCall } from "./decide-call.tsx";
import { mayDo } from "./may-do.ts";

/** What a person can do about a call that waits. */
export function CallActs({ call }: { readonly call: ToolCall }) {
  const { session } = useSignedIn();
  if (call.status === "awaiting_approval") return <DecideCall call={call} />;
  const isOpen = call.target === "external" && call.status === "dispatched";
  return isOpen && mayDo(session, "tools:answer") ? <AnswerCall call={call} /> : null;
}
