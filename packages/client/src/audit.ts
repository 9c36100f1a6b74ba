import type { AuditEntry, ListAuditQuery, Page } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about the audit log. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Audit {
  /**
   * Returns a page of who did what to your tenant, newest first. With the operator's key, `tenant` names another one by
   * its id or name. No tenant of that name rejects with `not_found`, and any other key with `forbidden`.
   */
  list(query?: ListAuditQuery, options?: CallOptions): Promise<Page<AuditEntry>>;
}

/** Makes the calls about the audit log. */
export function createAudit(connection: Connection): Audit {
  return {
    list(query = {}, options = {}) {
      return connection.call("/api/audit", { query: { ...query }, ...options });
    },
  };
}
