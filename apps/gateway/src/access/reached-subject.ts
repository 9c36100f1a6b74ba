import type { Principal } from "./principal.ts";

type Identity = Pick<Principal, "kind" | "subject">;

/**
 * Whose runs, threads and devices a principal reaches beside those that it names: those of its subject. Undefined:
 * everybody's. Null: those that belong to the tenant and to no user of it.
 */
export function reachedSubject({ kind, subject }: Identity): string | null | undefined {
  return subject ?? (kind === "api_key" ? undefined : null);
}

/** Whether it speaks for the tenant's operator: a key without a subject. Everybody else speaks for a user. */
export function speaksForOperator(principal: Identity): boolean {
  return reachedSubject(principal) === undefined;
}

/** Whether the principal reaches what belongs to this subject. */
export function reaches(principal: Identity, subject: string | null): boolean {
  const reached = reachedSubject(principal);
  return reached === undefined || reached === subject;
}
