import type { JsonObject, JsonValue } from "@hsafa/protocol";

/** Where a reading is in its JSON. */
type Place = "before" | "name" | "name_text" | "colon" | "value" | "text" | "word" | "after" | "over";

/** An object or array that is not whole, and the name or index of the value that is read. */
interface OpenLevel {
  readonly container: JsonObject | readonly JsonValue[];
  readonly key: string | number;
}

/**
 * The JSON of an object while it is being written. A reading never changes: each piece of text gives another one.
 *
 * 1. A piece is read once. So a text costs in proportion to its length, in however many pieces it comes.
 * 2. A text is there as far as it was written. A number, `true`, `false` and `null` are there once they are whole.
 * 3. What is no JSON ends the reading, and its value stays. The gateway judges the whole answer.
 * 4. What did not change keeps its identity, so a page renders only what did.
 */
export interface PartialJson {
  /** The object as far as it is written; `null`: it has not begun. */
  readonly value: JsonObject | null;
  /** What is open, outermost first. */
  readonly open: readonly OpenLevel[];
  readonly at: Place;
  /** What was begun and is not whole: a name, an escape within a text, a number or a word. */
  readonly rest: string;
}

/** The reading of no text. */
export const NO_JSON: PartialJson = { value: null, open: [], at: "before", rest: "" };

/** Returns the reading after one more piece of text. Throws nothing. */
export function nextPartialJson(before: PartialJson, text: string): PartialJson {
  return before.at === "over" || text === "" ? before : new Reading(before).after(text);
}

const BLANK = /\s/;

class Reading {
  /** Copies of what was open, which are changed here (4.). */
  readonly #open: { readonly container: Record<string, JsonValue> | JsonValue[]; key: string | number }[] = [];
  #value: JsonObject | null;
  #at: Place;
  #rest: string;

  constructor({ value, open, at, rest }: PartialJson) {
    this.#value = value;
    this.#at = at;
    this.#rest = rest;
    for (const { container, key } of open) {
      this.#enter(Array.isArray(container) ? [...(container as JsonValue[])] : { ...(container as JsonObject) }, key);
    }
  }

  after(text: string): PartialJson {
    for (let index = 0; index < text.length && this.#at !== "over"; ) index += this.#take(text, index);
    return { value: this.#value, open: this.#open, at: this.#at, rest: this.#rest };
  }

  /** Takes what stands at `index`, and returns how many characters it took. */
  #take(text: string, index: number): number {
    const character = text.charAt(index);
    switch (this.#at) {
      case "before":
        // Some models say something first, or put their JSON into a fence.
        if (character === "{") this.#begin({}, "name");
        return 1;
      case "text":
        return this.#takeText(text, index);
      case "name_text":
        return this.#takeName(character);
      case "word":
        if (/[\w.+-]/.test(character)) {
          this.#rest += character;
          return 1;
        }
        this.#endWord();
        return 0;
      default:
        if (!BLANK.test(character)) this.#takeSign(character);
        return 1;
    }
  }

  #takeSign(character: string): void {
    if (this.#at === "colon") this.#at = character === ":" ? "value" : "over";
    else if (character === "}" || character === "]") this.#close();
    else if (this.#at === "name") this.#at = character === '"' ? "name_text" : "over";
    else if (this.#at === "after") this.#goOn(character);
    else if (character === "{") this.#begin({}, "name");
    else if (character === "[") this.#begin([], "value");
    else if (character === '"') {
      this.#at = "text";
      this.#put("");
    } else {
      this.#at = "word";
      this.#rest = character;
    }
  }

  #goOn(character: string): void {
    const level = this.#open.at(-1);
    if (character !== "," || level === undefined) this.#at = "over";
    else if (typeof level.key === "number") {
      level.key += 1;
      this.#at = "value";
    } else this.#at = "name";
  }

  #takeName(character: string): number {
    const isEscaped = /(^|[^\\])(\\\\)*\\$/.test(this.#rest);
    if (character !== '"' || isEscaped) {
      this.#rest += character;
      return 1;
    }
    const name = parsed(`"${this.#rest}"`);
    const level = this.#open.at(-1);
    this.#rest = "";
    // The gateway refuses this name as well: it means something to JavaScript.
    if (typeof name !== "string" || name === "__proto__" || level === undefined) this.#at = "over";
    else {
      level.key = name;
      this.#at = "colon";
    }
    return 1;
  }

  #takeText(text: string, index: number): number {
    if (this.#rest !== "") return this.#takeEscape(text.charAt(index));
    const length = text.slice(index).search(/["\\]/);
    if (length === 0) {
      if (text.charAt(index) === "\\") this.#rest = "\\";
      else this.#at = "after";
      return 1;
    }
    const plain = length === -1 ? text.slice(index) : text.slice(index, index + length);
    this.#append(plain);
    return plain.length;
  }

  #takeEscape(character: string): number {
    this.#rest += character;
    if (this.#rest.startsWith("\\u") && this.#rest.length < "\\u0000".length) return 1;
    const unit = parsed(`"${this.#rest}"`);
    this.#rest = "";
    if (typeof unit === "string") this.#append(unit);
    else this.#at = "over";
    return 1;
  }

  #endWord(): void {
    const value = parsed(this.#rest);
    this.#rest = "";
    this.#at = value === undefined ? "over" : "after";
    if (value !== undefined) this.#put(value);
  }

  #begin(container: Record<string, JsonValue> | JsonValue[], at: Place): void {
    const isArray = Array.isArray(container);
    this.#enter(container, isArray ? 0 : "");
    this.#at = at;
  }

  #enter(container: Record<string, JsonValue> | JsonValue[], key: string | number): void {
    if (this.#open.length === 0) this.#value = container as JsonObject;
    else this.#put(container);
    this.#open.push({ container, key });
  }

  #close(): void {
    this.#open.pop();
    this.#at = this.#open.length === 0 ? "over" : "after";
  }

  #append(text: string): void {
    const level = this.#open.at(-1);
    if (level !== undefined) this.#put(`${String(Reflect.get(level.container, level.key))}${text}`);
  }

  /** Puts a value where the reading is. */
  #put(value: JsonValue): void {
    const level = this.#open.at(-1);
    if (level !== undefined) Reflect.set(level.container, level.key, value);
  }
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
