import type { Principal } from "./principal.ts";
import { reachedSubject } from "./reached-subject.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** The subject of what a principal makes: its own, or the one that an operator asks for. */
export function ownedBy(
  principal: Pick<Principal, "kind" | "subject">,
  asked: string | undefined,
): { readonly kind: "owned"; readonly subject: string | null } | Refusal {
  const own = reachedSubject(principal);
  if (own === undefined) return { kind: "owned", subject: asked ?? null };
  if (asked !== undefined && asked !== own) {
    return refuse("forbidden", "Only a key without a subject acts for another one; leave 'subject' out.");
  }
  return { kind: "owned", subject: own };
}
