import { createHmac, timingSafeEqual } from "node:crypto";
import { CURSOR_CODE_BYTES } from "../limits.ts";

/** Characters that the code takes as text. */
const CODE_LENGTH = Math.ceil((CURSOR_CODE_BYTES * 4) / 3);

/**
 * The cursors of one list of one tenant, as clients see them. Each carries a code that only a gateway of this fleet can
 * make, for this list. So a cursor that was never given is known as such, and is not taken for a page without rows. No
 * list has to check that itself.
 */
export class ListCursor {
  readonly #secret: Uint8Array;
  readonly #tenantId: string;
  readonly #path: string;

  /** `path`: that of the list, with its names filled in. */
  constructor(secret: Uint8Array, tenantId: string, path: string) {
    this.#secret = secret;
    this.#tenantId = tenantId;
    this.#path = path;
  }

  /** Returns the text that a client gets for a cursor of the list. */
  seal(cursor: string): string {
    return this.#codeOf(cursor) + cursor;
  }

  /** Returns the cursor in such a text; null if this list never gave it. */
  open(text: string): string | null {
    const cursor = text.slice(CODE_LENGTH);
    const given = Buffer.from(text.slice(0, CODE_LENGTH));
    const expected = Buffer.from(this.#codeOf(cursor));
    return given.length === expected.length && timingSafeEqual(given, expected) ? cursor : null;
  }

  #codeOf(cursor: string): string {
    const text = JSON.stringify(["list cursor", this.#tenantId, this.#path, cursor]);
    return createHmac("sha256", this.#secret)
      .update(text)
      .digest()
      .subarray(0, CURSOR_CODE_BYTES)
      .toString("base64url");
  }
}
