/**
 * Which stored files a step shows the model.
 *
 * 1. The newest go first: what a person has just sent matters most. All of them have `STEP_FILE_BYTES_MAX` bytes, and
 *    those that are texts have `STEP_TEXT_FILE_BYTES_MAX`.
 * 2. In place of any other stands a text, so that the model knows that something was there.
 * 3. Whatever is left out is returned, so that the run's facts say it.
 */
import {
  type InlineFilePart,
  type LeftOut,
  type Message,
  STEP_FILE_BYTES_MAX,
  type StoredFilePart,
  type TextPart,
} from "@hsafa/protocol";
import { isTextType } from "./is-text-type.ts";
import { STEP_TEXT_FILE_BYTES_MAX } from "./limits.ts";

/** What stands in a step in place of a stored file. */
export type FileInStep = InlineFilePart | TextPart;

/** Returns the stored files that a step shows, newest first and each once, and those that are too many bytes. */
export function shownFiles(messages: readonly Message[]): {
  readonly shown: readonly StoredFilePart[];
  readonly tooLong: readonly StoredFilePart[];
} {
  const shown: StoredFilePart[] = [];
  const tooLong: StoredFilePart[] = [];
  const known = new Set<string>();
  let bytes = 0;
  let textBytes = 0;
  for (const part of messages.flatMap(storedPartsOf).toReversed()) {
    const { fileId, size = 0 } = part;
    if (known.has(fileId)) continue;
    known.add(fileId);
    const textSize = isTextType(part.mediaType ?? "") ? size : 0;
    const isShown = bytes + size <= STEP_FILE_BYTES_MAX && textBytes + textSize <= STEP_TEXT_FILE_BYTES_MAX; // 1.
    if (isShown) {
      bytes += size;
      textBytes += textSize;
    }
    (isShown ? shown : tooLong).push(part);
  }
  return { shown, tooLong };
}

/** Returns the messages with what stands in place of each stored file, by the id of the file. */
export function withLoadedFiles(messages: readonly Message[], loaded: ReadonlyMap<string, FileInStep>): Message[] {
  return messages.map((message): Message => {
    if (message.role === "tool" || storedPartsOf(message).length === 0) return message;
    const inPlaceOf = (part: StoredFilePart): FileInStep => {
      const found = loaded.get(part.fileId) ?? { type: "text", text: leftOutText(part) };
      if (found.type === "text") return found;
      const { filename = found.filename, providerOptions } = part;
      return {
        ...found,
        ...(filename === undefined ? {} : { filename }),
        ...(providerOptions === undefined ? {} : { providerOptions }),
      };
    };
    const { role, content } = message;
    if (typeof content === "string") return message;
    return role === "user"
      ? { role, content: content.map((part) => (isStored(part) ? inPlaceOf(part) : part)) }
      : { role, content: content.map((part) => (isStored(part) ? inPlaceOf(part) : part)) };
  });
}

/** What the run's facts say of a file that was left out. */
export function leftOutFile(part: StoredFilePart, reason: "too_long" | "missing"): LeftOut {
  return { reason, what: `${part.filename ?? part.fileId} (${part.mediaType ?? "a file"})` };
}

/** 2. */
function leftOutText({ filename, mediaType }: StoredFilePart): string {
  return `[The file ${filename ?? "without a name"} of type ${mediaType ?? "unknown"} is left out here.]`;
}

function storedPartsOf({ role, content }: Message): StoredFilePart[] {
  return role === "tool" || typeof content === "string" ? [] : content.filter(isStored);
}

function isStored(part: { readonly type: string }): part is StoredFilePart {
  return part.type === "file" && "fileId" in part;
}
