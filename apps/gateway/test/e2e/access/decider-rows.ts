import type { ToolConfigInput } from "@hsafa/protocol";

/**
 * What an asker is answered who decides a call.
 *
 * - `decides`: 202, and the record names the asker.
 * - `refused`: 403, and nothing is decided.
 * - `as missing`: the very same 404 as for a call of nothing.
 */
export type DeciderCell = "decides" | "refused" | "as missing";

/** Calls that await an approval, by what their tool says: whether a group decides, and whether the starter may. */
export const DECIDED_CALLS: Readonly<Record<DecidedCall, NonNullable<ToolConfigInput["approval"]>>> = {
  plain: "always",
  of_group: { groups: ["finance", "board"] },
  of_starter: { selfApproval: true },
  of_both: { groups: ["finance"], selfApproval: true },
};
export type DecidedCall = "plain" | "of_group" | "of_starter" | "of_both";

/** Who decides: a key, or a token that the operator's key made. `{run}` is the run, which the user `ann` started. */
export interface DeciderRow {
  readonly credential:
    | { readonly kind: "key"; readonly body: object }
    | { readonly kind: "token"; readonly body: object }
    /** A key of another tenant with every scope, in every group. */
    | { readonly kind: "foreign" };
  readonly cells: Readonly<Record<DecidedCall, DeciderCell>>;
}

const DECIDE = { scopes: ["approvals:decide"] } as const;
const NOBODY: DeciderRow["cells"] = {
  plain: "refused",
  of_group: "refused",
  of_starter: "refused",
  of_both: "refused",
};
const EVERYBODY: DeciderRow["cells"] = {
  plain: "decides",
  of_group: "decides",
  of_starter: "decides",
  of_both: "decides",
};
const HIDDEN: DeciderRow["cells"] = {
  plain: "as missing",
  of_group: "as missing",
  of_starter: "as missing",
  of_both: "as missing",
};
const OUTSIDE: DeciderRow["cells"] = { ...EVERYBODY, of_group: "refused", of_both: "refused" };

/** Who decides which call, beside what `route-rows.ts` says of the route. */
export const DECIDER_ROWS: Readonly<Record<string, DeciderRow>> = {
  "a key in no group": { credential: { kind: "key", body: DECIDE }, cells: OUTSIDE },
  "a key in another group": { credential: { kind: "key", body: { ...DECIDE, groups: ["sales"] } }, cells: OUTSIDE },
  "a key of every scope in no group": { credential: { kind: "key", body: { scopes: ["admin"] } }, cells: OUTSIDE },
  "a key in the group": { credential: { kind: "key", body: { ...DECIDE, groups: ["finance"] } }, cells: EVERYBODY },
  "a key in the group without the scope": {
    credential: { kind: "key", body: { scopes: ["runs:read"], groups: ["finance"] } },
    cells: NOBODY,
  },
  "a token for the run in no group": {
    credential: { kind: "token", body: { ...DECIDE, runId: "{run}" } },
    cells: OUTSIDE,
  },
  "a token for the run in the group": {
    credential: { kind: "token", body: { ...DECIDE, runId: "{run}", groups: ["finance"] } },
    cells: EVERYBODY,
  },
  "who started the run": {
    credential: { kind: "token", body: { ...DECIDE, subject: "ann" } },
    cells: { ...NOBODY, of_starter: "decides" },
  },
  "who started the run, in the group": {
    credential: { kind: "token", body: { ...DECIDE, subject: "ann", groups: ["finance"] } },
    cells: { ...NOBODY, of_starter: "decides", of_both: "decides" },
  },
  "a key of who started the run, in the group": {
    credential: { kind: "key", body: { ...DECIDE, subject: "ann", groups: ["finance"] } },
    cells: { ...NOBODY, of_starter: "decides", of_both: "decides" },
  },
  "another user in the group": {
    credential: { kind: "token", body: { ...DECIDE, subject: "bob", groups: ["finance"] } },
    cells: HIDDEN,
  },
  "a key of another tenant in the group": { credential: { kind: "foreign" }, cells: HIDDEN },
};
