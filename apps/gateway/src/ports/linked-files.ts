/** A file at an address that a client wrote, or why it is not to be had. */
export type LinkedFile =
  | {
      readonly kind: "opened";
      /** What the other side calls it; null: nothing. */
      readonly mediaType: string | null;
      /** Its size as the other side says, in bytes; null: it says none. */
      readonly size: number | null;
      /** Throws `LinkBroken` when the other side ends early, or says nothing for too long. */
      readonly content: AsyncIterable<Uint8Array>;
    }
  | { readonly kind: "failed"; readonly reason: string };

/** The other side broke off within a file. */
export class LinkBroken extends Error {
  override readonly name = "LinkBroken";
}

/** Files elsewhere, as far as the operator lets requests of tenants go. */
export interface LinkedFiles {
  /** Asks for the file at this address, and follows redirects. It never rejects. `signal` ends the reading too. */
  open(url: string, signal: AbortSignal): Promise<LinkedFile>;
}
