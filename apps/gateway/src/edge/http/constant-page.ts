import { createHash } from "node:crypto";

/** A response that never changes while the process runs: it costs a stranger's request nothing but its copy. */
export interface ConstantPage {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
  /** The same bytes, compressed. Empty: it is small. */
  readonly compressed: readonly CompressedBytes[];
}

/** Bytes in an encoding that a browser may take. */
export interface CompressedBytes {
  readonly encoding: "br" | "gzip";
  readonly bytes: Buffer;
}

/** Returns a function that makes the page at its first call, and then returns the same one. */
export function constantPage(params: {
  readonly mediaType: string;
  readonly text: () => string;
  readonly headers?: Readonly<Record<string, string>>;
}): () => ConstantPage {
  let page: ConstantPage | null = null;
  return () => (page ??= make(params));
}

function make({ mediaType, text, headers = {} }: Parameters<typeof constantPage>[0]): ConstantPage {
  return pageOf({ mediaType, bytes: Buffer.from(text()), headers });
}

/** Makes a page of bytes. The best encoding stands first. */
export function pageOf(params: {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly compressed?: readonly CompressedBytes[];
  readonly headers?: Readonly<Record<string, string>>;
}): ConstantPage {
  const { mediaType, bytes, compressed = [], headers = {} } = params;
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  // A client may keep it, and asks whether it is still the same.
  const varies: Record<string, string> = compressed.length === 0 ? {} : { vary: "Origin, Accept-Encoding" };
  const all = { "content-type": mediaType, etag, "cache-control": "no-cache", ...varies, ...headers };
  return { bytes, compressed, etag, headers: all };
}

/** The bytes that a client gets who takes these encodings (`Accept-Encoding`). */
export function bytesFor(page: ConstantPage, acceptEncoding: string | undefined): CompressedBytes | null {
  const accepted = new Set((acceptEncoding ?? "").split(",").map((one) => one.split(";", 1)[0]?.trim().toLowerCase()));
  return page.compressed.find(({ encoding }) => accepted.has(encoding)) ?? null;
}

/** Whether the client has this page already, by its `If-None-Match` (RFC 9110). */
export function hasPage(page: ConstantPage, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(page.etag);
}
