import type { SubjectFilter } from "../ports/tenant-store.ts";
import type { Principal } from "./principal.ts";
import { reachedSubject } from "./reached-subject.ts";

/**
 * Whose rows a list holds for this principal. `asked`: the subject that it asks for; undefined: all that it reaches.
 * Null: it does not reach that subject. The list is then as empty as that of a user who has nothing.
 */
export function listedSubject(
  principal: Pick<Principal, "kind" | "subject">,
  asked: string | undefined,
): { readonly subject: SubjectFilter } | null {
  const reached = reachedSubject(principal);
  if (asked === undefined) return { subject: reached };
  return reached === undefined || reached === asked ? { subject: asked } : null;
}
