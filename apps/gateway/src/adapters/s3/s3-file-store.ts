import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { FILE_BYTES_MAX } from "@hsafa/protocol";
import { AwsV4Signer } from "aws4fetch";
import type { FileRef, FileStore } from "../../ports/file-store.ts";
import { FILE_CHUNK_BYTES } from "../../ports/limits.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { S3_ATTEMPTS_MAX, S3_REFUSAL_CHARACTERS_MAX, S3_REQUEST_TIMEOUT_MS, S3_RETRY_MS } from "./limits.ts";

/** A bucket of a service that speaks S3, and the key to it. */
export interface S3Bucket {
  /** Where the service is, such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a service says to one request. */
interface Answered {
  readonly status: number;
  readonly bytes: Uint8Array;
}

const CHUNKS_MAX = Math.ceil(FILE_BYTES_MAX / FILE_CHUNK_BYTES);

/**
 * Keeps the bytes of files in a bucket, each chunk as an object of its own: `<tenant>/<file>/<chunk>`. So no request
 * needs more memory than a chunk, and each is signed with the hash of its body.
 */
export function createS3FileStore(bucket: S3Bucket, deps: { readonly fetch: typeof globalThis.fetch }): FileStore {
  const base = `${bucket.endpoint.replace(/\/+$/, "")}/${bucket.bucket}`;
  const urlOf = ({ tenantId, fileId }: FileRef, nth: number): string => `${base}/${tenantId}/${fileId}/${nth}`;

  async function attempt(method: string, url: string, body: Uint8Array | null): Promise<Answered> {
    const hash = createHash("sha256")
      .update(body ?? "")
      .digest("hex");
    const { region, accessKeyId, secretAccessKey } = bucket;
    const headers = { "x-amz-content-sha256": hash };
    const signer = new AwsV4Signer({ method, url, headers, region, accessKeyId, secretAccessKey, service: "s3" });
    const signed = await signer.sign();
    const response = await deps.fetch(signed.url, {
      method,
      headers: signed.headers,
      signal: AbortSignal.timeout(S3_REQUEST_TIMEOUT_MS),
      ...(body === null
        ? {}
        : { body: Buffer.from(body.buffer, body.byteOffset, body.length) as Uint8Array<ArrayBuffer> }),
    });
    return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
  }

  async function ask(method: string, url: string, body: Uint8Array | null = null): Promise<Answered> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answered = await attempt(method, url, body);
        const isDone = answered.status < 300 || answered.status === 404;
        if (isDone) return answered;
        const words = Buffer.from(answered.bytes).toString("utf8").slice(0, S3_REFUSAL_CHARACTERS_MAX);
        throw new StoreUnavailable(`the bucket '${bucket.bucket}' answered ${answered.status}: ${words}`);
      } catch (error) {
        if (tries >= S3_ATTEMPTS_MAX) throw unavailable(error);
        await pause(S3_RETRY_MS * tries);
      }
    }
  }

  function unavailable(error: unknown): StoreUnavailable {
    if (error instanceof StoreUnavailable) return error;
    return new StoreUnavailable(`the bucket '${bucket.bucket}' cannot be reached`, { cause: error });
  }

  return {
    name: "s3",
    async putChunk({ nth, bytes, ...file }) {
      const { status } = await ask("PUT", urlOf(file, nth), bytes);
      if (status === 404) throw new StoreUnavailable(`there is no bucket '${bucket.bucket}'`);
    },
    async getChunk({ nth, ...file }) {
      const { status, bytes } = await ask("GET", urlOf(file, nth));
      return status === 404 ? null : bytes;
    },
    async remove(file) {
      // An upload that broke off has no size, so all chunks that a file may have are removed. A missing one is no
      // fault.
      for (let nth = 0; nth < CHUNKS_MAX; nth += 1) await ask("DELETE", urlOf(file, nth));
    },
  };
}
