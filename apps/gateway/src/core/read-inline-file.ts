/** A file as `data` or `image` of a message has it. */
export type InlineFile =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly mediaType: string | null }
  /** An address that the provider is to read. */
  | { readonly kind: "address" }
  | { readonly kind: "malformed" };

const DATA_URL = /^data:([^;,]*)(?:;[^,]*)?;base64,/i;

/** Reads Base64, with or without a `data:` before it. */
export function readInlineFile(given: string): InlineFile {
  const prefix = DATA_URL.exec(given);
  if (prefix === null && /^[a-z][a-z0-9+.-]*:/i.test(given)) {
    return given.toLowerCase().startsWith("data:") ? { kind: "malformed" } : { kind: "address" };
  }
  const base64 = given.slice(prefix?.[0].length ?? 0);
  if (base64 === "" || base64.replace(/=+$/, "").length % 4 === 1 || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64)) {
    return { kind: "malformed" };
  }
  const mediaType = prefix?.[1] ?? "";
  return { kind: "bytes", bytes: Buffer.from(base64, "base64"), mediaType: mediaType === "" ? null : mediaType };
}
