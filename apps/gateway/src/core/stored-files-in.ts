import type { Message } from "@hsafa/protocol";

/** The ids of the files that stand in these messages, each once. */
export function storedFilesIn(messages: readonly Message[]): string[] {
  const fileIds = messages.flatMap(({ content }) =>
    typeof content === "string"
      ? []
      : content.flatMap((part) => (part.type === "file" && "fileId" in part ? [part.fileId] : [])),
  );
  return [...new Set(fileIds)];
}
