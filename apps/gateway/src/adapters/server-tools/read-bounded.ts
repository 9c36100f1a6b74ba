/** Reads the first `limit` bytes of a body, and cancels the rest. `whole`: the body has no more than these bytes. */
export async function readBounded(
  response: Response,
  limit: number,
): Promise<{ readonly bytes: Uint8Array; readonly whole: boolean }> {
  if (response.body === null) return { bytes: new Uint8Array(), whole: true };
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the body, which ends the download.
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limit) return { bytes: Buffer.concat(chunks).subarray(0, limit), whole: false };
  }
  return { bytes: Buffer.concat(chunks), whole: true };
}
