import { expect, test } from "vitest";
import { PDF, PNG, WAV } from "../../../test/support/sample-files.ts";
import { fileTypeMediaTypes } from "./file-type-media-types.ts";

test.each([
  ["a picture", PNG, "image/png"],
  ["a document", PDF, "application/pdf"],
  ["a sound", WAV, "audio/wav"],
  ["a text", new TextEncoder().encode("just words"), null],
  ["nothing", new Uint8Array(), null],
  ["one byte", Uint8Array.of(137), null],
])("the first bytes of %s tell what it is", async (_, bytes, mediaType) => {
  expect(await fileTypeMediaTypes.recognise(bytes)).toBe(mediaType);
});

test("a file that begins well and ends early is recognised, and never throws", async () => {
  for (const whole of [PNG, PDF, WAV])
    for (let length = 1; length <= whole.length; length += 1) {
      await expect(fileTypeMediaTypes.recognise(whole.subarray(0, length))).resolves.not.toThrow();
    }
});
