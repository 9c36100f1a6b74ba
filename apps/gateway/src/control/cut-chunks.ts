/**
 * Cuts bytes that come in pieces of any size into chunks of this size; the last one may be smaller. A chunk is the
 * reader's own. Of no bytes there is no chunk.
 */
export async function* cutChunks(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, void> {
  let chunk = new Uint8Array(size);
  let filled = 0;
  for await (const piece of content) {
    for (let read = 0; read < piece.length; ) {
      const part = piece.subarray(read, read + size - filled);
      chunk.set(part, filled);
      filled += part.length;
      read += part.length;
      if (filled < size) continue;
      yield chunk;
      chunk = new Uint8Array(size);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
