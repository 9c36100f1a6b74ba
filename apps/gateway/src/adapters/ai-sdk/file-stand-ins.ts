/**
 * Large files of a step on their way around the provider's package. The package and the SDK look at the Base64 of a
 * file several times, and write it into the request at once. A file of 32 MiB held the event loop for a third of a
 * second. So they are given a short text in its place. The file is put in when the request is sent.
 *
 * 1. A stand-in is Base64 that begins as its file does, so that a format is still found by its first bytes.
 * 2. Nobody can guess one, so no text of a conversation is taken for it.
 * 3. Each stand-in must be found in the request. A package that had changed it would send something else instead.
 * 4. The event loop is left between slices of `FILE_SLICE_CHARACTERS`.
 */
import type { Message } from "@hsafa/protocol";
import { isTextType } from "../../core/is-text-type.ts";
import { FILE_SLICE_CHARACTERS, LARGE_FILE_CHARACTERS, STAND_IN_START_CHARACTERS } from "./limits.ts";

type Fetch = typeof globalThis.fetch;

export class FileStandIns {
  readonly #newId: () => string;
  readonly #files = new Map<string, string>();

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** Returns the messages with stand-ins for their large files. A text is left, because it is shown as one. */
  standIn(messages: readonly Message[]): readonly Message[] {
    return messages.map((message): Message => {
      if (message.role === "tool" || typeof message.content === "string") return message;
      const content = message.content.map((part) =>
        part.type === "file" &&
        "data" in part &&
        part.data.length > LARGE_FILE_CHARACTERS &&
        !isTextType(part.mediaType)
          ? { ...part, data: this.#standInOf(part.data) }
          : part,
      );
      return { ...message, content } as Message;
    });
  }

  /** Returns the Base64 of the file that this stands for; the text itself if it stands for none. */
  fileOf(data: string): string {
    return this.#files.get(data) ?? data;
  }

  /** Returns a `fetch` that sends requests with the files in their places. `nextTurn`: as a step's own. */
  sendBy(send: Fetch, nextTurn: () => Promise<void>): Fetch {
    return async (url, init) => {
      if (this.#files.size === 0 || typeof init?.body !== "string") return send(url, init);
      return send(url, { ...init, body: await this.#filled(init.body, nextTurn) });
    };
  }

  #standInOf(base64: string): string {
    // Without its hyphens an id is 32 characters of Base64.
    const standIn = `${base64.slice(0, STAND_IN_START_CHARACTERS)}${this.#newId().replaceAll("-", "")}`; // 1. and 2.
    this.#files.set(standIn, base64);
    return standIn;
  }

  async #filled(body: string, nextTurn: () => Promise<void>): Promise<Uint8Array<ArrayBuffer>> {
    const pieces = piecesOf(body, this.#files);
    const lengths = pieces.map((piece) => (piece.isFile ? piece.text.length : Buffer.byteLength(piece.text)));
    const filled = Buffer.alloc(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const { isFile, text } of pieces) {
      if (!isFile) {
        at += filled.write(text, at, "utf8");
        continue;
      }
      for (let from = 0; from < text.length; from += FILE_SLICE_CHARACTERS) {
        at += filled.write(text.slice(from, from + FILE_SLICE_CHARACTERS), at, "latin1");
        await nextTurn(); // 4.
      }
    }
    return filled;
  }
}

interface Piece {
  readonly isFile: boolean;
  readonly text: string;
}

/** Cuts a request at its stand-ins, and has the files in their places. Throws if one is missing (3.). */
function piecesOf(body: string, files: ReadonlyMap<string, string>): readonly Piece[] {
  let pieces: readonly Piece[] = [{ isFile: false, text: body }];
  for (const [standIn, base64] of files) {
    const before = pieces.length;
    pieces = pieces.flatMap((piece): Piece[] => {
      if (piece.isFile) return [piece];
      const [first = "", ...others] = piece.text.split(standIn);
      return [
        { isFile: false, text: first },
        ...others.flatMap((text): Piece[] => [
          { isFile: true, text: base64 },
          { isFile: false, text },
        ]),
      ];
    });
    if (pieces.length === before) throw new Error("The provider's package did not pass a file on as it was given it.");
  }
  return pieces;
}
