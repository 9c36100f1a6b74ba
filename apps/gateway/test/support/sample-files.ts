/** Small files for tests, whole and true. */

/** A picture of one pixel. */
export const PNG: Uint8Array = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

/** A document of one empty page. */
export const PDF: Uint8Array = Buffer.from(
  "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
);

/** A sound of no length. */
export const WAV: Uint8Array = Buffer.from(
  "524946462400000057415645666d74201000000001000100401f0000401f0000010008006461746100000000",
  "hex",
);

/** A photo as a phone makes them, of so many bytes: the marks of a JPEG around bytes that repeat only after long. */
export function photo(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 1;
  for (let index = 0; index < size; index += 1) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    bytes[index] = state >>> 16;
  }
  bytes.set([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
  bytes.set([0xff, 0xd9], size - 2);
  return bytes;
}
