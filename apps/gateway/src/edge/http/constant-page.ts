import { createHash } from "node:crypto";

/** A response that never changes while the process runs: it costs a stranger's request nothing but its copy. */
export interface ConstantPage {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
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
  const bytes = Buffer.from(text());
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  // A client may keep it, and asks whether it is still the same.
  return { bytes, etag, headers: { "content-type": mediaType, etag, "cache-control": "no-cache", ...headers } };
}

/** Whether the client has this page already, by its `If-None-Match` (RFC 9110). */
export function hasPage(page: ConstantPage, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(page.etag);
}
