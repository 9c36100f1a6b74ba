import type { JsonObject } from "./json.ts";
import type { PageQuery } from "./page.ts";

/** What is done to a tenant and kept in its audit log. */
export const AUDIT_ACTIONS = [
  "agent.push",
  "agent.promote",
  "run.cancel",
  "thread.delete",
  "file.delete",
  "approval.decide",
  "key.create",
  "key.rotate",
  "key.revoke",
  "token.revoke",
  "secret.put",
  "secret.delete",
  "quota.set",
  "device.pair",
  "device.take_over",
  "device.delete",
  "tenant.create",
  "tenant.disable",
  "tenant.enable",
  "audit.prune",
] as const;

/** One kind of act. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** How an act came out. What was refused, or has changed nothing, is no act. */
export const AUDIT_OUTCOMES = [
  "created",
  "replaced",
  "promoted",
  "requested",
  "approved",
  "denied",
  "rotated",
  "revoked",
  "set",
  "paired",
  "taken_over",
  "deleted",
  "disabled",
  "enabled",
] as const;

/** One way in which an act came out. */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** Who may act: a key, a token, the operator's key, a gateway by itself, or a person who works on the database. */
export const AUDIT_ACTOR_KINDS = ["api_key", "token", "operator", "gateway", "database"] as const;

/** Who did an act. */
export interface AuditActor {
  readonly kind: (typeof AUDIT_ACTOR_KINDS)[number];
  /** The key, or the one that made the token; `null` without one. */
  readonly keyId: string | null;
  /** The name of that key, or of what acted without one. */
  readonly name: string;
  /** The user that the credential was made for, as its maker names them. */
  readonly subject: string | null;
  /** The address that the request came from. */
  readonly address: string | null;
}

/** One act, as the audit log keeps it. */
export interface AuditEntry {
  readonly id: string;
  /** When it was done. ISO 8601, UTC. */
  readonly at: string;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly by: AuditActor;
  /** The ids and names of what it was done to, such as `runId` and `callId`. */
  readonly targets: Record<string, string>;
  /** What else tells the act from others of its kind. It never holds the value of a secret. */
  readonly details: JsonObject;
}

/** The query of `GET /api/audit`. Only entries that match all fields are returned. */
export interface ListAuditQuery extends PageQuery {
  /** Another tenant than that of the key, by id or name. Only the operator's key may name one. */
  readonly tenant?: string;
  readonly action?: AuditAction;
  /** The user that the credential of the act was made for. */
  readonly subject?: string;
  /** The key of the act, or the one that made its token. */
  readonly keyId?: string;
  /** At this time or later. ISO 8601, UTC. */
  readonly since?: string;
  /** Before this time. ISO 8601, UTC. */
  readonly until?: string;
}
