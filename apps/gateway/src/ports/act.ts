import type { AuditActor } from "@hsafa/protocol";

/**
 * An act that the audit log keeps. Its entry is written with it, all or nothing: what is refused or changes nothing
 * leaves none. `by` says who acts.
 */
export interface Act {
  readonly by: AuditActor;
}
