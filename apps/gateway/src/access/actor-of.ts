import type { AuditActor } from "@hsafa/protocol";
import type { Principal } from "./principal.ts";

/** Who acts, as the audit log records it. */
export function actorOf({ kind, keyId, name, subject, address, isOperator }: Principal): AuditActor {
  return {
    kind: isOperator === true ? "operator" : kind,
    keyId,
    name,
    subject: subject ?? null,
    address: address ?? null,
  };
}
