import { type Message, STEP_FILE_BYTES_MAX, type StoredFilePart } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { leftOutFile, shownFiles, withLoadedFiles } from "./shown-files.ts";

const MIB = 1024 ** 2;
const file = (fileId: string, size: number, filename = `${fileId}.png`): StoredFilePart => ({
  type: "file",
  fileId,
  size,
  filename,
  mediaType: "image/png",
});
const said = (...content: (StoredFilePart | { type: "text"; text: string })[]): Message => ({ role: "user", content });

test("of too many bytes the newest files are shown, and the others are named", () => {
  const messages = [said(file("old", 20 * MIB)), said(file("small", MIB)), said(file("new", 20 * MIB))];
  const { shown, tooLong } = shownFiles(messages);
  expect(shown.map(({ fileId }) => fileId)).toEqual(["new", "small"]);
  expect(tooLong.map((part) => leftOutFile(part, "too_long"))).toEqual([
    { reason: "too_long", what: "old.png (image/png)" },
  ]);
  const loaded = new Map([["new", { type: "file", data: "AA==", mediaType: "image/png" } as const]]);
  expect(withLoadedFiles(messages, loaded)).toEqual([
    said({ type: "text", text: "[The file old.png of type image/png is left out here.]" }),
    said({ type: "text", text: "[The file small.png of type image/png is left out here.]" }),
    { role: "user", content: [{ type: "file", data: "AA==", mediaType: "image/png", filename: "new.png" }] },
  ]);
});

test("a file that stands twice counts once, and one of exactly the bound is shown", () => {
  const messages = [said(file("a", STEP_FILE_BYTES_MAX)), said(file("a", STEP_FILE_BYTES_MAX))];
  expect(shownFiles(messages)).toMatchObject({ shown: [{ fileId: "a" }], tooLong: [] });
});

test("texts have a smaller room of their own, because they are written out as words", () => {
  const text = (fileId: string, mediaType: string): StoredFilePart => ({ ...file(fileId, 1.5 * MIB), mediaType });
  const messages = [said(text("notes", "text/plain"), file("photo", 20 * MIB), text("table", "application/json"))];
  const { shown, tooLong } = shownFiles(messages);
  expect(shown.map(({ fileId }) => fileId)).toEqual(["table", "photo"]);
  expect(tooLong.map(({ fileId }) => fileId)).toEqual(["notes"]);
});

test("what has no stored file is the same message, and options of a part stay with it", () => {
  const plain: Message = { role: "user", content: "hello" };
  const options = { openai: { imageDetail: "low" } };
  const messages = [plain, said({ ...file("a", 1), providerOptions: options })];
  const loaded = new Map([["a", { type: "file", data: "AA==", mediaType: "image/png" } as const]]);
  const [first, second] = withLoadedFiles(messages, loaded);
  expect(first).toBe(plain);
  expect(second?.content).toMatchObject([{ data: "AA==", providerOptions: options }]);
});
