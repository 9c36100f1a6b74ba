import type { StoredFile } from "@hsafa/protocol";
import type { Answer, CallOptions, TestGateway } from "./test-gateway.ts";

interface UploadOptions extends CallOptions {
  /** As `Content-Type`; `text/plain` if left out. */
  readonly mediaType?: string;
  /** The query of the address, from its `?` on. */
  readonly query?: string;
}

/** Uploads a file, and returns the answer. */
export async function upload(
  { url, apiKey }: Pick<TestGateway, "url" | "apiKey">,
  content: Uint8Array | string | ReadableStream,
  { mediaType = "text/plain", query = "", credential = apiKey, headers }: UploadOptions = {},
): Promise<Answer<StoredFile>> {
  const response = await fetch(`${url}/api/files${query}`, {
    method: "POST",
    headers: { authorization: `Bearer ${credential}`, "content-type": mediaType, ...headers },
    body: typeof content === "string" || content instanceof ReadableStream ? content : Buffer.from(content),
    ...(content instanceof ReadableStream ? { duplex: "half" } : {}),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as StoredFile };
}

/** Uploads a file that is taken, and returns it. */
export async function uploaded(...params: Parameters<typeof upload>): Promise<StoredFile> {
  const { status, body } = await upload(...params);
  if (status >= 300) throw new Error(`the upload answered ${status}: ${JSON.stringify(body)}`);
  return body;
}
