import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileStoreSuite } from "../../../test/contracts/file-store.suite.ts";
import { type FakeS3, S3_BUCKET, S3_KEY, S3_REGION, startFakeS3 } from "../../../test/support/fake-s3-server.ts";
import { asTenantId } from "../../core/tenant-id.ts";
import type { FileStore } from "../../ports/file-store.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { createS3FileStore, type S3Bucket } from "./s3-file-store.ts";

const bucketAt = (endpoint: string): S3Bucket => ({ endpoint, region: S3_REGION, bucket: S3_BUCKET, ...S3_KEY });

fileStoreSuite("S3", async () => {
  const s3 = await startFakeS3();
  return {
    files: createS3FileStore(bucketAt(s3.url), { fetch }),
    begin: async () => ({ tenantId: asTenantId(v7()), fileId: v7() }),
    close: () => s3.close(),
  };
});

describe("a bucket", () => {
  let s3: FakeS3;
  beforeAll(async () => {
    s3 = await startFakeS3();
  });
  afterAll(() => s3.close());
  const chunk = { tenantId: asTenantId(v7()), fileId: v7(), nth: 0, bytes: Uint8Array.of(1, 2, 3) };
  const unavailable = async (store: FileStore, reason: RegExp) => {
    const error: unknown = await store.putChunk(chunk).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect((error as Error).message).toMatch(reason);
  };

  test("a service that is slow for a moment is asked again", async () => {
    s3.failing = 2;
    const store = createS3FileStore(bucketAt(s3.url), { fetch });
    await store.putChunk(chunk);
    expect(s3.objects.get(`${chunk.tenantId}/${chunk.fileId}/0`)).toEqual(Buffer.from(chunk.bytes));
    expect(s3.refused).toEqual([]);
  });

  test("a wrong key, a bucket that is not there and a service that is away count as unavailable", async () => {
    const wrong = { ...bucketAt(s3.url), secretAccessKey: "another one" };
    await unavailable(createS3FileStore(wrong, { fetch }), /403.*SignatureDoesNotMatch/);
    await unavailable(createS3FileStore({ ...bucketAt(s3.url), bucket: "none" }, { fetch }), /no bucket 'none'/);
    await unavailable(createS3FileStore(bucketAt("http://127.0.0.1:1"), { fetch }), /cannot be reached/);
  });
});
