/** A request was not sent, because its target is none that tenants may reach (`HSAFA_OUTBOUND_ALLOW`). */
export class TargetRefused extends Error {
  override readonly name = "TargetRefused";

  constructor() {
    // Where the name leads is left out: it would tell a tenant of the operator's own network.
    super(
      "it leads to an address outside of the public internet; the operator of this gateway can allow it with HSAFA_OUTBOUND_ALLOW",
    );
  }
}

/** Whether this is why a request failed. `fetch` wraps the reason. */
export function isTargetRefused(error: unknown): boolean {
  return error instanceof TargetRefused || (error instanceof Error && isTargetRefused(error.cause));
}
