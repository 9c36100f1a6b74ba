import { LinkBroken, type LinkedFile, type LinkedFiles } from "../../ports/linked-files.ts";
import { LINK_SILENCE_MS_MAX, LINK_TIMEOUT_MS } from "./limits.ts";
import type { OutboundHttp } from "./outbound-http.ts";
import { TargetRefused } from "../../ports/target-refused.ts";

/** Reads files elsewhere through the guarded way out: addresses outside of the public internet are refused. */
export function createLinkedFiles({ guardedFetch }: Pick<OutboundHttp, "guardedFetch">): LinkedFiles {
  return {
    async open(url, signal): Promise<LinkedFile> {
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(LINK_TIMEOUT_MS)]);
      try {
        const headers = { accept: "*/*", "accept-encoding": "identity" };
        const response = await guardedFetch(url, { headers, signal: bounded });
        if (!response.ok || response.body === null) {
          await response.body?.cancel();
          return { kind: "failed", reason: `it answered with the status ${response.status}` };
        }
        const length = response.headers.get("content-length");
        return {
          kind: "opened",
          mediaType: response.headers.get("content-type"),
          size: length === null || !/^\d+$/.test(length) ? null : Number(length),
          content: contentOf(response.body),
        };
      } catch (error) {
        return { kind: "failed", reason: reasonOf(error) };
      }
    },
  };
}

async function* contentOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { value, done } = await withinSilence(reader.read());
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw error instanceof LinkBroken ? error : new LinkBroken(reasonOf(error));
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function withinSilence<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const broken = new LinkBroken(`it sent nothing for ${LINK_SILENCE_MS_MAX / 1000} s`);
    timer = setTimeout(() => reject(broken), LINK_SILENCE_MS_MAX);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** In words that tell a client of its address, and nothing of what lies behind it. */
function reasonOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof TargetRefused) return "the gateway reaches the public internet alone";
    if (cause.name === "TimeoutError") return `it took longer than ${LINK_TIMEOUT_MS / 1000} s`;
  }
  return "it cannot be reached, or broke off";
}
