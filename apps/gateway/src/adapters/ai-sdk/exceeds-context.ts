import type { ModelFailureKind } from "../../core/input.ts";

/** How providers and servers say that a request is longer than the model takes. Each alternative is plain text. */
const TOO_LONG =
  /context.?length|context.?window|context size|maximum context|(prompt|input|request|conversation) (is )?too (long|large)|too many (input )?tokens|input token count|reduce the length of (the|your)|maximum (prompt|input) length|max_prompt_tokens|too large for model/i;

/** Kinds under which such a failure arrives: servers disagree about its status. */
const KINDS: ReadonlySet<ModelFailureKind> = new Set(["bad_request", "overloaded", "other"]);

/** Whether a failure says that the conversation is too long, so that less of it may be taken. */
export function exceedsContext(kind: ModelFailureKind, message: string): boolean {
  return KINDS.has(kind) && TOO_LONG.test(message);
}
