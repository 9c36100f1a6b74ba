import type { UserMessage } from "@hsafa/protocol";
import type { Files } from "../files.ts";

/** Files that go with a message, and what uploads them. */
export interface SentFiles {
  readonly files: readonly Blob[];
  readonly upload: Files["upload"];
}

/**
 * Uploads the files of a message, and returns its content with them. However often the message of this id is sent, each
 * file is stored once. Rejects with an `HsafaError`.
 */
export async function withSentFiles(
  content: UserMessage["content"],
  sent: SentFiles | undefined,
  messageId: string,
): Promise<UserMessage["content"]> {
  if (sent === undefined || sent.files.length === 0) return content;
  const { files, upload } = sent;
  const stored = await Promise.all(
    files.map((file, index) => upload(file, { idempotencyKey: `${messageId} file ${index}` })),
  );
  const parts = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  // A picture may say everything.
  const said = parts.filter((part) => part.type !== "text" || part.text !== "");
  return [...said, ...stored.map(({ id }) => ({ type: "file" as const, fileId: id }))];
}
