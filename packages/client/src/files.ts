/** Files apart from the client: a page that sends none loads nothing of this. */
import type { ListFilesQuery, Page, StoredFile } from "@hsafa/protocol";
import { type CallOptions, type ConnectionOptions, createConnection } from "./connection.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import type { KeyedCallOptions } from "./post-once.ts";
import { randomId } from "./random-id.ts";

/** What is said of a file that is uploaded. */
export interface UploadOptions extends KeyedCallOptions {
  /** The name of the file; that of a `File` if left out. */
  readonly filename?: string;
  /** What the file is; the `type` of the `Blob` if left out, and without one what its bytes tell. */
  readonly mediaType?: string;
  /** The user whose file it is. Only a key without a subject gives another one than its own. */
  readonly subject?: string;
}

/** The calls about files. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Files {
  /**
   * Uploads a file, 32 MiB at most. A message then names it: `{ type: "file", fileId: file.id }`. If no response comes,
   * the client tries again under the same key, so the file is stored once.
   */
  upload(content: Blob | Uint8Array<ArrayBuffer> | string, options?: UploadOptions): Promise<StoredFile>;
  /** Returns a page of files without their bytes, newest first. */
  list(query?: ListFilesQuery, options?: CallOptions): Promise<Page<StoredFile>>;
  /** Returns a response whose body is the file. */
  download(fileId: string, options?: CallOptions): Promise<Response>;
  /** Deletes a file. Runs that use it go on without it. */
  delete(fileId: string, options?: CallOptions): Promise<void>;
}

/** Makes the calls about files. It opens nothing until it is used, and needs no closing. */
export function createFiles(options: ConnectionOptions): Files {
  const send = options.fetch ?? ((input: string, init?: RequestInit) => globalThis.fetch(input, init));
  /** The bodies of uploads under way, by their keys. The connection itself sends JSON alone. */
  const bodies = new Map<string, { readonly body: Blob; readonly mediaType: string }>();
  const connection = createConnection({
    ...options,
    fetch(input, init) {
      const headers = init?.headers as Record<string, string>;
      const upload = bodies.get(headers["idempotency-key"] ?? "");
      if (upload === undefined) return send(input as string, init);
      const { body, mediaType } = upload;
      return send(input as string, { ...init, body, headers: { ...headers, "content-type": mediaType } });
    },
  });
  const path = (fileId: string): string => `/api/files/${encodeURIComponent(fileId)}`;
  return {
    async upload(content, { idempotencyKey = randomId(), signal, filename, mediaType, subject } = {}) {
      const body = content instanceof Blob ? content : new Blob([content]);
      const name = filename ?? ("name" in body && typeof body.name === "string" ? body.name : undefined);
      const type = mediaType ?? (body.type === "" ? "application/octet-stream" : body.type);
      bodies.set(idempotencyKey, { body, mediaType: type });
      try {
        return await connection.call<StoredFile>("/api/files", {
          method: "POST",
          query: { filename: name, subject },
          headers: { "idempotency-key": idempotencyKey },
          signal,
          attemptsMax: ATTEMPTS_MAX,
        });
      } finally {
        bodies.delete(idempotencyKey);
      }
    },
    list(query = {}, callOptions = {}) {
      return connection.call("/api/files", { query: { ...query }, ...callOptions });
    },
    download: (fileId, callOptions = {}) => connection.open(path(fileId), callOptions),
    delete(fileId, callOptions = {}) {
      return connection.call(path(fileId), { method: "DELETE", ...callOptions });
    },
  };
}
