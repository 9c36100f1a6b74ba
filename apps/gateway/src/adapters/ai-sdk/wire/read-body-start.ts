/** Reads the text of a body up to `bytesMax` bytes, and drops the rest. Returns what came if the body breaks off. */
export async function readBodyStart(response: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  try {
    // Leaving the loop cancels the body, which ends the download.
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk.subarray(0, bytesMax - length), { stream: true });
      length += chunk.length;
      if (length >= bytesMax) break;
    }
  } catch {
    // The status says more than the broken body.
  }
  return text;
}
