import type { JsonValue } from "./json.ts";

/** Where a call goes once it is approved. It goes nowhere else. */
export type ApprovalRecipient =
  /**
   * The one device with this key. `deviceId` and the owner are those of the device that was known when the approval was
   * asked for. If another device has the key by then, or the device has another owner, the call is not executed.
   */
  | {
      readonly kind: "device";
      readonly deviceKey: string;
      /** `null`: no such device had connected yet. */
      readonly deviceId: string | null;
      /** The name of the key behind the owner, for people; keys may share a name. `null`: there is no owner yet. */
      readonly owner: string | null;
      /**
       * The owner: `key:` with the id of a key, or `subject:` with a user of the tenant. `null`, or left out in records
       * of earlier versions: it is not known, and the name counts.
       */
      readonly ownerId?: string | null;
    }
  /** Any device of the pool that offers the tool, has these labels and (if given) this platform. */
  | {
      readonly kind: "any_device";
      readonly labels: Record<string, string>;
      readonly platform: string | null;
    }
  /** A web service. `origin` is the scheme, host and port of the tool's URL; `null`: the URL has none. */
  | { readonly kind: "http"; readonly method: string; readonly origin: string | null }
  /** A function of the program around the gateway. */
  | { readonly kind: "function"; readonly name: string }
  /** The agent of this name, as a child. */
  | { readonly kind: "agent"; readonly agent: string }
  /** Any program that may give results of the run over HTTP. */
  | { readonly kind: "external" };

/**
 * What a digest is of: the SHA-256, in hex, of the RFC 8785 canonical JSON of an object with exactly these fields. Who
 * decides with a digest decides about these and nothing else.
 */
export interface ApprovedCall {
  readonly runId: string;
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly recipient: ApprovalRecipient;
}

/** Who decided a call. */
export interface Decider {
  /** The name of the key, or `token of <name>`, after `<subject> by` if there is a subject. */
  readonly by: string;
  /** The key, or the one that made the token. Decisions of earlier versions have none. */
  readonly keyId?: string;
  /** The user in whose name the credential was made, if it names one. */
  readonly subject?: string;
}

/** The decision about a call. */
export interface ApprovalDecision extends Decider {
  readonly approved: boolean;
  /** When it was decided: ISO 8601, UTC. */
  readonly at: string;
}

/** The approval of a call: what is approved, who may decide, and what was decided. */
export interface CallApproval {
  /** Where the call goes once it is approved. */
  readonly recipient: ApprovalRecipient;
  /** The digest of the call (`ApprovedCall`). A decision that carries it counts for this very call alone. */
  readonly digest: string;
  /** When the call expires undecided: ISO 8601, UTC. */
  readonly expiresAt: string;
  /** The groups of which the decider's credential must have one; empty: none is needed. */
  readonly groups: string[];
  /** Whether who started the run may decide. */
  readonly selfApproval: boolean;
  /** `null` while nobody has decided. */
  readonly decision: ApprovalDecision | null;
}
