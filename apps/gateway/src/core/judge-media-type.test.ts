import { describe, expect, test } from "vitest";
import { judgeMediaType } from "./judge-media-type.ts";

const TEXT = new TextEncoder().encode("Lemons are sour. Zitronen sind säuerlich.");
const BYTES = Uint8Array.of(0, 255, 1, 254);
const judge = (declared: string | null, recognised: string | null, head = BYTES) =>
  judgeMediaType({ declared, recognised, head });

describe("what a file is", () => {
  test.each([
    [null, "image/png", BYTES, "image/png"],
    ["application/octet-stream", "application/pdf", BYTES, "application/pdf"],
    [null, null, TEXT, "text/plain"],
    [null, null, BYTES, "application/octet-stream"],
    ["IMAGE/JPG; q=1", "image/jpeg", BYTES, "image/jpeg"],
    ["audio/x-wav", "audio/wav", BYTES, "audio/wav"],
    ["audio/mp4", "video/mp4", BYTES, "audio/mp4"],
    ["text/markdown; charset=utf-8", null, TEXT, "text/markdown"],
    ["application/json", null, TEXT, "application/json"],
    ["image/svg+xml", "application/xml", TEXT, "image/svg+xml"],
    ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip", BYTES, undefined],
    ["application/x-own", null, BYTES, undefined],
  ])("%s with bytes of %s is taken", (declared, recognised, head, mediaType) => {
    expect(judge(declared, recognised, head)).toEqual({ kind: "judged", mediaType: mediaType ?? declared });
  });

  test.each([
    ["image/png", "image/jpeg", BYTES, "image/jpeg"],
    ["image/png", null, TEXT, "text/plain"],
    ["application/pdf", null, BYTES, "application/octet-stream"],
    ["application/pdf", "application/zip", BYTES, "application/zip"],
    ["text/plain", null, BYTES, "application/octet-stream"],
    ["text/plain", "application/pdf", TEXT, "application/pdf"],
    ["audio/mpeg", "video/mp4", BYTES, "video/mp4"],
    ["application/zip", "image/png", BYTES, "image/png"],
    ["application/vnd.ms-excel", "application/x-msdownload", BYTES, "application/x-msdownload"],
  ])("%s with bytes of %s is a lie, and both are said", (declared, recognised, head, found) => {
    expect(judge(declared, recognised, head)).toEqual({ kind: "mismatch", declared, found });
  });

  test.each(["", "image", "image/", "image/*", "a/b/c", "te xt/plain", `text/plain\nx: y`])(
    "'%s' is no media type",
    (declared) => {
      expect(judge(declared, "image/png")).toEqual({ kind: "malformed" });
    },
  );

  test("a text that ends within a character is a text", () => {
    expect(judge("text/plain", null, TEXT.subarray(0, TEXT.length - 8))).toMatchObject({ kind: "judged" });
    const euro = new TextEncoder().encode("€");
    expect(judge("text/plain", null, euro.subarray(0, 2))).toMatchObject({ kind: "judged" });
  });
});
