import fc from "fast-check";
import { expect, test } from "vitest";
import { cutChunks } from "./cut-chunks.ts";

async function* of(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* pieces;
}

test("however bytes come, each is in one chunk, in order, and only the last chunk is smaller", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 17 }), async (sent, size) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of cutChunks(of(sent), size)) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(Buffer.concat(sent))).toBe(true);
      expect(chunks.slice(0, -1).every(({ length }) => length === size)).toBe(true);
      expect(chunks.every(({ length }) => length > 0)).toBe(true);
    }),
  );
});

test("a chunk does not change when the next one is filled", async () => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of cutChunks(of([Uint8Array.of(1, 2, 3, 4)]), 2)) chunks.push(chunk);
  expect(chunks.map((chunk) => [...chunk])).toEqual([
    [1, 2],
    [3, 4],
  ]);
});
