import type { FunctionServerTool, HttpServerTool, JsonValue } from "@hsafa/protocol";
import type { ServerToolOutcome } from "../core/input.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** What a gateway executes. No gateway executes a sleep, or a child's call. */
export type PerformedTool = HttpServerTool | FunctionServerTool;

/** Tools that execute on the server, while the lease is held. */
export interface ServerTools {
  /**
   * Performs one call. Never rejects: a failure is an outcome, and its message may be shown to a model. It is `failed`
   * only if the call had no effect, or if the tool itself says that it failed. Settles soon after `signal` aborts; the
   * outcome is then ignored. `idempotencyKey` is the call's id, so a repetition of the call has the same key (R4).
   */
  perform(params: {
    readonly tenantId: TenantId;
    readonly server: PerformedTool;
    readonly toolName: string;
    readonly args: JsonValue;
    readonly runId: string;
    readonly idempotencyKey: string;
    readonly signal: AbortSignal;
  }): Promise<ServerToolOutcome>;
}
