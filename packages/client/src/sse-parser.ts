import { SSE_MESSAGE_CHARACTERS_MAX } from "./limits.ts";

/** One message of an event stream. hsafa names no events, so there is no `event` field. */
export interface SseMessage {
  readonly data: string;
  /** The last `id` of the stream so far. */
  readonly lastEventId: string;
}

/** What a stream says. */
export type SseItem =
  | { readonly kind: "message"; readonly message: SseMessage }
  /** How long the server wants clients to wait before they come back, in milliseconds. */
  | { readonly kind: "retry"; readonly delayMs: number };

/**
 * Reads an event stream as the WHATWG HTML standard says ("9.2.6 Interpreting an event stream"). Lines end with CR, LF
 * or CRLF, wherever a chunk is cut. Several `data` lines are one message. Comments and unknown fields are ignored. A
 * message that the end of the stream cuts short is dropped.
 */
export interface SseParser {
  /** Returns what this chunk completes, in order. Throws if a message is too long. */
  feed(chunk: Uint8Array): SseItem[];
}

/** Makes a parser for one stream. */
export function createSseParser(): SseParser {
  // It also drops a byte order mark at the beginning, and keeps a character whose bytes are in two chunks.
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let endedWithCr = false;
  let data: string[] = [];
  let dataCharacters = 0;
  let lastEventId = "";

  function takeLine(line: string, items: SseItem[]): void {
    if (line === "") {
      if (data.length > 0) items.push({ kind: "message", message: { data: data.join("\n"), lastEventId } });
      data = [];
      dataCharacters = 0;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") {
      data.push(value);
      dataCharacters += value.length;
    } else if (field === "id" && !value.includes("\0")) {
      lastEventId = value;
    } else if (field === "retry" && /^\d+$/.test(value)) {
      items.push({ kind: "retry", delayMs: Number(value) });
    }
  }

  return {
    feed(chunk) {
      let text = decoder.decode(chunk, { stream: true });
      if (text === "") return [];
      // The LF belongs to a CRLF whose CR ended the chunk before.
      if (endedWithCr && text.startsWith("\n")) text = text.slice(1);
      endedWithCr = text === "" ? false : text.endsWith("\r");
      const lines = (rest + text).split(/\r\n|\r|\n/);
      rest = lines.pop() ?? "";
      const items: SseItem[] = [];
      for (const line of lines) takeLine(line, items);
      if (rest.length + dataCharacters > SSE_MESSAGE_CHARACTERS_MAX) {
        throw new Error("A message of the event stream is too long.");
      }
      return items;
    },
  };
}
