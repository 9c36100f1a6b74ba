import type { AuditActor } from "@hsafa/protocol";

/** Who does what a gateway does by itself. */
export const GATEWAY_ACTOR: AuditActor = {
  kind: "gateway",
  keyId: null,
  name: "gateway",
  subject: null,
  address: null,
};
