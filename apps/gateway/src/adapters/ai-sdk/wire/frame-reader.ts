/**
 * Reads the body of a provider's response as frames: server-sent events (WHATWG HTML, 9.2), and what servers send
 * instead of them.
 *
 * 1. Any split of the text into pieces gives the same frames.
 * 2. No text of a `data` field is lost: a frame that is no JSON is returned as it is.
 * 3. A frame is at most `FRAME_CHARACTERS_MAX` long (R9), and reading is linear in the text.
 */
import { FRAME_CHARACTERS_MAX } from "../limits.ts";
import { parsedJson } from "./parsed-json.ts";

/** One message of the server. `event` is the name that the server gave it, or null. */
export interface Frame {
  readonly event: string | null;
  readonly data: string;
}

/** A stream that passed a bound of ours: a frame that is too long, or too many of them. */
export class StreamTooLargeError extends Error {
  override readonly name = "StreamTooLargeError";
}

/**
 * How the body is read. `unknown`: nothing but blanks has come. `document`: the body began like JSON or HTML, and is
 * kept until its first line, or its end, shows what it is. `lines`: it is read line by line.
 */
type Mode = "unknown" | "document" | "lines";

/** Turns pieces of text into frames. */
export class FrameReader {
  #mode: Mode = "unknown";
  /** Pieces of the line, or of the document, that has not ended. They are joined only at its end (3.). */
  #pieces: string[] = [];
  #pieceCharacters = 0;
  /** The last character was a carriage return. A line feed after it belongs to the same line end. */
  #afterReturn = false;
  #isFirstLineSeen = false;
  #event: string | null = null;
  #data: string[] = [];
  #dataCharacters = 0;
  #frames: Frame[] = [];

  /** Returns the frames that this piece completes. Throws `StreamTooLargeError` (3.). */
  push(piece: string): readonly Frame[] {
    if (this.#mode === "lines") this.#readLines(piece);
    else this.#keep(piece);
    return this.#taken();
  }

  /** Returns the frames that the end of the body completes: servers leave out the last blank line, or line end. */
  end(): readonly Frame[] {
    if (this.#mode === "document") this.#readDocument();
    if (this.#pieces.length > 0) this.#endLine();
    this.#dispatch();
    return this.#taken();
  }

  #taken(): readonly Frame[] {
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  #keep(piece: string): void {
    this.#add(piece);
    if (this.#mode === "unknown") {
      const kept = this.#pieces.join("");
      const first = kept.trimStart().charAt(0);
      if (first === "") return;
      this.#mode = first === "{" || first === "[" || first === "<" ? "document" : "lines";
      if (this.#mode === "lines") this.#rereadAsLines(kept);
    }
    if (this.#mode === "document" && !this.#isFirstLineSeen && piece.includes("\n")) this.#judgeFirstLine();
  }

  /** If the first line of a document is JSON by itself, the server sends one JSON a line. */
  #judgeFirstLine(): void {
    const kept = this.#pieces.join("").trimStart();
    const end = kept.indexOf("\n");
    if (end === -1) return;
    this.#isFirstLineSeen = true;
    if (parsedJson(kept.slice(0, end)) !== undefined) this.#rereadAsLines(kept);
  }

  #readDocument(): void {
    const kept = this.#pieces.join("").trim();
    if (kept.startsWith("<") || parsedJson(kept) !== undefined) {
      this.#forgetPieces();
      this.#frames.push({ event: null, data: kept });
    } else {
      this.#rereadAsLines(kept);
    }
  }

  #rereadAsLines(text: string): void {
    this.#forgetPieces();
    this.#mode = "lines";
    this.#readLines(text);
  }

  #readLines(text: string): void {
    if (text === "") return;
    let from = this.#afterReturn && text.startsWith("\n") ? 1 : 0;
    this.#afterReturn = false;
    let feed = text.indexOf("\n", from);
    let carriageReturn = text.indexOf("\r", from);
    while (feed !== -1 || carriageReturn !== -1) {
      const isFeed = carriageReturn === -1 || (feed !== -1 && feed < carriageReturn);
      const end = isFeed ? feed : carriageReturn;
      if (end > from) this.#add(text.slice(from, end));
      this.#endLine();
      from = end + 1;
      if (!isFeed && feed === from) from += 1;
      else if (!isFeed && from === text.length) this.#afterReturn = true;
      // 3. Each is looked for again only behind the place where it was found.
      if (feed !== -1 && feed < from) feed = text.indexOf("\n", from);
      if (!isFeed) carriageReturn = text.indexOf("\r", from);
    }
    if (from < text.length) this.#add(text.slice(from));
  }

  #add(piece: string): void {
    // 3.
    this.#pieceCharacters += piece.length;
    if (this.#pieceCharacters + this.#dataCharacters > FRAME_CHARACTERS_MAX) {
      throw new StreamTooLargeError(`It sent a message of more than ${FRAME_CHARACTERS_MAX} characters.`);
    }
    this.#pieces.push(piece);
  }

  #forgetPieces(): void {
    this.#pieces = [];
    this.#pieceCharacters = 0;
  }

  #endLine(): void {
    const line = this.#pieces.length === 1 ? (this.#pieces[0] ?? "") : this.#pieces.join("");
    this.#forgetPieces();
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + (line.charAt(colon + 1) === " " ? 2 : 1));
    switch (name) {
      case "data":
        this.#addData(value);
        return;
      case "event":
        this.#event = value;
        return;
      case "error":
      case "Error":
        // llama.cpp and its kin name an error by the field itself.
        this.#event = "error";
        this.#addData(value);
        return;
      default:
        // Errors come as JSON, or as words, without a field. A comment, and a field that nobody knows, is ignored.
        if (colon === -1 || !/^[\w-]*$/.test(name)) this.#frames.push({ event: null, data: line });
    }
  }

  #addData(value: string): void {
    this.#data.push(value);
    this.#dataCharacters += value.length;
  }

  #dispatch(): void {
    const event = this.#event;
    const lines = this.#data;
    this.#event = null;
    this.#data = [];
    this.#dataCharacters = 0;
    if (lines.length === 0) return;
    const data = lines.join("\n");
    // Careless servers leave out the blank lines between messages. Then each line is a message (2.).
    if (lines.length > 1 && parsedJson(data) === undefined && lines.some(isWhole)) {
      for (const line of lines) this.#frames.push({ event, data: line });
    } else {
      this.#frames.push({ event, data });
    }
  }
}

function isWhole(line: string): boolean {
  return line === "[DONE]" || parsedJson(line) !== undefined;
}
