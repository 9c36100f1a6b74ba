/**
 * A service that speaks as much of S3 as files need, on a real socket. It checks the signature of each request by the
 * documents of AWS, and refuses what is wrong.
 */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export const S3_KEY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
export const S3_REGION = "eu-test-1";
export const S3_BUCKET = "hsafa-files";

export interface FakeS3 {
  readonly url: string;
  /** By their keys. */
  readonly objects: Map<string, Buffer>;
  /** How many were put. */
  put: number;
  /** Refused for their signature or body. */
  readonly refused: string[];
  /** So many of the next requests are answered with 503. */
  failing: number;
  close(): Promise<void>;
}

export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const end = (status: number, sent: Buffer | string = ""): void => void response.writeHead(status).end(sent);
      if (fake.failing > 0) {
        fake.failing -= 1;
        return end(503, "<Error><Code>SlowDown</Code></Error>");
      }
      const fault = faultOf(request, body);
      if (fault !== null) {
        refused.push(fault);
        return end(403, `<Error><Code>${fault}</Code></Error>`);
      }
      const [, bucket, ...rest] = (request.url ?? "").split("/");
      const key = rest.join("/");
      if (bucket !== S3_BUCKET) return end(404, "<Error><Code>NoSuchBucket</Code></Error>");
      switch (request.method) {
        case "PUT":
          fake.put += 1;
          objects.set(key, body);
          return end(200);
        case "GET": {
          const object = objects.get(key);
          return object === undefined ? end(404, "<Error><Code>NoSuchKey</Code></Error>") : end(200, object);
        }
        case "DELETE":
          objects.delete(key);
          return end(204);
        default:
          return end(405);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fake: FakeS3 = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    put: 0,
    refused,
    failing: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}

const sha256 = (data: Buffer | string): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: Buffer | string, data: string): Buffer => createHmac("sha256", key).update(data).digest();

/** What is wrong with the signature or the body of a request; null: nothing. */
function faultOf({ method = "", url = "", headers }: IncomingMessage, body: Buffer): string | null {
  const header = (name: string): string => String(headers[name] ?? "");
  const read =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/;
  const [, keyId, day = "", region, signed = "", signature] = read.exec(header("authorization")) ?? [];
  if (keyId !== S3_KEY.accessKeyId || region !== S3_REGION) return "InvalidAccessKeyId";
  const hash = header("x-amz-content-sha256");
  if (hash !== sha256(body)) return "XAmzContentSHA256Mismatch";
  for (const name of ["host", "x-amz-content-sha256", "x-amz-date"])
    if (!signed.split(";").includes(name)) return "AccessDenied";
  const names = signed.split(";");
  const canonical = [method, url, "", ...names.map((name) => `${name}:${header(name).trim()}`), "", signed, hash];
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", header("x-amz-date"), scope, sha256(canonical.join("\n"))].join("\n");
  const key = ["s3", "aws4_request"].reduce(hmac, hmac(hmac(`AWS4${S3_KEY.secretAccessKey}`, day), S3_REGION));
  return hmac(key, toSign).toString("hex") === signature ? null : "SignatureDoesNotMatch";
}
