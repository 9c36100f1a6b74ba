import type { AuditActor } from "@hsafa/protocol";

/** Who acts in tests, where it does not matter who. */
export const AN_ACTOR: AuditActor = {
  kind: "api_key",
  keyId: "019a0000-0000-7000-8000-000000000000",
  name: "a key",
  subject: null,
  address: "192.0.2.1",
};
