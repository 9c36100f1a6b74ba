/** Large files reach a provider exactly, although its package never sees them. */
import { describe, expect, test } from "vitest";
import { chatChunk, chatEnd } from "../../../test/support/fake-provider-server.ts";
import { stepper } from "../../../test/support/played-step.ts";
import { FileStandIns } from "./file-stand-ins.ts";
import { FILE_SLICE_CHARACTERS, LARGE_FILE_CHARACTERS } from "./limits.ts";

const base64 = (bytes: number, fill: string): string => Buffer.alloc(bytes, fill).toString("base64");
const photo = base64(LARGE_FILE_CHARACTERS, "\xff\xd8photo");
const film = base64(FILE_SLICE_CHARACTERS, "film é ");
const ACCESS = { apiKey: "test-key-of-nobody", baseUrl: "http://model.invalid" };

describe.each(["openai-compatible/m", "openai/m", "anthropic/m", "google/m"])("%s", (model) => {
  test("is sent each file as it is, among words of every kind", async () => {
    const sent: { readonly body: string; readonly isBytes: boolean }[] = [];
    const fetch: typeof globalThis.fetch = (_, init) => {
      const { body } = init ?? {};
      sent.push({
        body: Buffer.from(body as string | Uint8Array<ArrayBuffer>).toString(),
        isBytes: body instanceof Uint8Array,
      });
      return Promise.resolve(new Response(chatChunk({ content: "x" }) + chatEnd()));
    };
    let turns = 0;
    const settings = { openai: ACCESS, anthropic: ACCESS, google: ACCESS, openaiCompatible: ACCESS, fetch };
    await stepper(settings)(model, {
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "Zwei Bilder 🎲:" },
            { type: "file", data: photo, mediaType: "image/jpeg" },
            { type: "text", text: "und" },
            { type: "file", data: film, mediaType: "image/png" },
            { type: "file", data: photo, mediaType: "image/jpeg" },
          ],
        },
      ],
      nextTurn: () => {
        turns += 1;
        return new Promise((resolve) => setImmediate(resolve));
      },
    });
    expect(sent).toHaveLength(1);
    const { body = "", isBytes } = sent[0] ?? {};
    expect(isBytes, "the package had no part in it").toBe(true);
    const text = JSON.stringify(JSON.parse(body));
    expect(text.split(photo)).toHaveLength(3);
    expect(text.split(film)).toHaveLength(2);
    expect(text).toContain("Zwei Bilder 🎲:");
    expect(turns, "turns that others had meanwhile").toBeGreaterThan(3);
  });
});

test("a small file and a text go the usual way", () => {
  const standIns = new FileStandIns(() => "an id that is not asked for");
  const content = [
    { type: "file", data: base64(60, "small"), mediaType: "image/png" },
    { type: "file", data: photo, mediaType: "text/plain" },
  ] as const;
  expect(standIns.standIn([{ role: "user", content: [...content] }])).toEqual([{ role: "user", content }]);
});

test("a request in which a file is missing is not sent", async () => {
  const standIns = new FileStandIns(() => "0123-4567");
  standIns.standIn([{ role: "user", content: [{ type: "file", data: photo, mediaType: "image/png" }] }]);
  const send = standIns.sendBy(
    () => Promise.reject(new Error("It was sent.")),
    () => Promise.resolve(),
  );
  await expect(send("http://model.invalid", { method: "POST", body: "{}" })).rejects.toThrow("did not pass a file on");
});
