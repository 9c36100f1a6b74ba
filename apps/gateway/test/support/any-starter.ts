import type { RunStarter } from "../../src/ports/run-starter.ts";

/** Who started a run in tests that do not look at it. */
export const ANY_STARTER: RunStarter = { kind: "api_key", by: "key", keyId: "k", subject: null, likeness: "key" };
