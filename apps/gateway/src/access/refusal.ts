import type { ErrorCode } from "@hsafa/protocol";
import type { QuotaLack } from "../core/quotas.ts";
import type { ValidationFault } from "./schema-faults.ts";

/** What a use case returns when it does not do what was asked. `detail` says what was wrong and what to do. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly detail: string;
  readonly faults?: readonly ValidationFault[];
  /** The run that is in the way, for the code `thread_busy`. */
  readonly runId?: string;
  /** The quota that has no room, for the code `quota_exceeded`. */
  readonly quota?: QuotaLack;
  /** After how many ms the same may succeed, where that is known. */
  readonly retryAfterMs?: number;
}

/** Makes a refusal. */
export function refuse(code: ErrorCode, detail: string, faults?: readonly ValidationFault[]): Refusal {
  return faults === undefined ? { kind: "refused", code, detail } : { kind: "refused", code, detail, faults };
}

/** Refuses what is missing and what is foreign with the same words, so that nobody learns which (R10). */
export function notFound(what: string): Refusal {
  return refuse("not_found", `There is no such ${what} here; check the id, and that the key belongs to its tenant.`);
}
