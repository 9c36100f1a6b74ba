/**
 * JSON that survives. What a client, a device, a model or a web service sends is kept, stored and sent on as JavaScript
 * values. JSON can say more than those hold, and `JSON.parse` drops the rest without a word. So every door reads by
 * `readExactJson`, which keeps these rules (I-JSON, RFC 7493):
 *
 * 1. A number is refused if it cannot be written back. Such are an integer that a double rounds, more digits than a
 *    double has, and a number beyond its range.
 * 2. A name that stands twice in one object is refused, because one of its values would be lost.
 * 3. Nesting beyond a bound is refused, because recursion over the value would overflow the stack. So is the name
 *    `__proto__`, which means something to JavaScript.
 * 4. Half a surrogate pair is no Unicode text. U+FFFD takes its place, and the caller is told where.
 * 5. A text of very many parts is refused before it is parsed. A megabyte of `[]` would cost a hundred times as much as
 *    a megabyte of words, in each place that it comes through.
 *
 * The check reads the text twice, and once quickly. It costs about as much as `JSON.parse`, whatever the text holds.
 */
import type { JsonValue } from "./json.ts";
import { JSON_PARTS_MAX, NUMBER_SHOWN_CHARACTERS_MAX, UNITS_WRITTEN_AT_ONCE_MAX } from "./limits.ts";

/** What a text holds. `path` is written like `metadata.list.0`; empty: the value itself. */
export type ExactJson =
  /** `tornAt`: where the first half of a surrogate pair was replaced; `null`: there was none. */
  | { readonly kind: "json"; readonly value: JsonValue; readonly tornAt: string | null }
  /** The text is no JSON. */
  | { readonly kind: "malformed"; readonly message: string }
  /**
   * The text cannot be kept as it is: it has too many parts, or it is JSON that says too much. `message` continues a
   * sentence about what stands at `path`.
   */
  | { readonly kind: "inexact"; readonly path: string; readonly message: string };

/** Reads JSON text, at most `depthMax` levels deep: a scalar has no level, `[]` has one. Never throws. */
export function readExactJson(text: string, depthMax: number): ExactJson {
  if (hasManyParts(text, depthMax)) return { kind: "inexact", path: "", message: TOO_MANY_PARTS }; // 5.
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    return { kind: "malformed", message: error instanceof Error ? error.message : String(error) };
  }
  const scan = new Scan(text, depthMax);
  const fault = scan.run();
  if (fault !== null) return { kind: "inexact", ...fault };
  if (scan.tornAt === null) return { kind: "json", value, tornAt: null };
  return { kind: "json", value: JSON.parse(scan.mended()) as JsonValue, tornAt: scan.tornAt };
}

/** Says that a value has too many parts (5.). */
export const TOO_MANY_PARTS = `has more than ${JSON_PARTS_MAX} values and names; send fewer, or send them as one text`;

/**
 * Whether a text that may be JSON has too many parts (5.). Each comma, colon and opening bracket outside of a text
 * stands for one, so that the count needs no value. It stops at what nests deeper than `depthMax`: that is refused for
 * its depth.
 */
export function hasManyParts(text: string, depthMax: number = Infinity): boolean {
  if (text.length <= JSON_PARTS_MAX) return false;
  let parts = 0;
  let depth = 0;
  for (let at = 0; at < text.length && parts <= JSON_PARTS_MAX; at += 1) {
    switch (text.charCodeAt(at)) {
      case quoteUnit:
        at = textEnd(text, at);
        break;
      case commaUnit:
      case colonUnit:
        parts += 1;
        break;
      case bracketOpenUnit:
      case braceOpenUnit:
        parts += 1;
        depth += 1;
        if (depth > depthMax) return false;
        break;
      case bracketCloseUnit:
      case braceCloseUnit:
        depth -= 1;
        break;
      default:
    }
  }
  return parts > JSON_PARTS_MAX;
}

/** Where the text ends that begins here; the end of everything if it does not end. */
function textEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === backslashUnit) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}

/**
 * Writes a value as JSON text that `readExactJson` takes. Returns `undefined` for what is no JSON value, such as a
 * function. Throws for what `JSON.stringify` would silently turn into `null`: a number that is not finite.
 */
export function writeExactJson(value: unknown): string | undefined {
  return JSON.stringify(value, (key, part: unknown) => {
    if (typeof part === "number" && !Number.isFinite(part)) {
      throw new TypeError(`${key === "" ? "The value" : `'${key}'`} is ${part}, which is no JSON number.`);
    }
    return part;
  });
}

// The characters that JSON is written with, as UTF-16 code units. Fields of an object would not be inlined.
const quoteUnit = 0x22;
const plusUnit = 0x2b;
const commaUnit = 0x2c;
const minusUnit = 0x2d;
const dotUnit = 0x2e;
const digit0Unit = 0x30;
const digit9Unit = 0x39;
const colonUnit = 0x3a;
const upperEUnit = 0x45;
const bracketOpenUnit = 0x5b;
const backslashUnit = 0x5c;
const bracketCloseUnit = 0x5d;
const lowerDUnit = 0x64;
const lowerEUnit = 0x65;
const lowerFUnit = 0x66;
const lowerUUnit = 0x75;
const braceOpenUnit = 0x7b;
const braceCloseUnit = 0x7d;
const replacementUnit = 0xfffd;

/**
 * What every double keeps: so many digits between these powers of ten. No number with so few digits of an exponent
 * leaves that range.
 */
const ALWAYS_KEPT = { digits: 15, exponentDigits: 2, power: 1e290 } as const;

interface Fault {
  readonly path: string;
  readonly message: string;
}

interface Level {
  isObject: boolean;
  /** Where the scan is: the name in an object, the index in an array. */
  name: string;
  index: number;
  /** The names so far; null until there are two. */
  names: Set<string> | null;
  hasName: boolean;
}

/** One pass over a text that is known to be JSON. */
class Scan {
  /** Where the first half of a surrogate pair stands. */
  tornAt: string | null = null;
  readonly #text: string;
  readonly #depthMax: number;
  readonly #levels: Level[] = [];
  /** Where the halves begin. */
  readonly #torn: number[] = [];
  #depth = 0;
  #at = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  run(): Fault | null {
    const text = this.#text;
    const end = text.length;
    let nameFollows = false;
    while (this.#at < end) {
      const code = text.charCodeAt(this.#at);
      if (code === quoteUnit) {
        const start = this.#at;
        const level = this.#levels[this.#depth - 1];
        if (nameFollows && level !== undefined) {
          const fault = this.#readName(start, level);
          if (fault !== null) return fault;
        } else {
          this.#readText();
        }
        nameFollows = false;
      } else if (code === braceOpenUnit || code === bracketOpenUnit) {
        if (this.#depth === this.#depthMax) return this.#fault(`is nested deeper than ${this.#depthMax} levels`);
        this.#open(code === braceOpenUnit);
        nameFollows = code === braceOpenUnit;
        this.#at += 1;
      } else if (code === braceCloseUnit || code === bracketCloseUnit) {
        this.#depth -= 1;
        nameFollows = false;
        this.#at += 1;
      } else if (code === commaUnit) {
        const level = this.#levels[this.#depth - 1];
        if (level !== undefined) level.index += 1;
        nameFollows = level?.isObject === true;
        this.#at += 1;
      } else if (code === minusUnit || (code >= digit0Unit && code <= digit9Unit)) {
        const fault = this.#readNumber();
        if (fault !== null) return fault;
      } else {
        this.#at += 1;
      }
    }
    return null;
  }

  /** The text with U+FFFD for each half of a surrogate pair. It has the same length: an escape stays an escape. */
  mended(): string {
    const units = new Uint16Array(this.#text.length);
    for (let index = 0; index < units.length; index += 1) units[index] = this.#text.charCodeAt(index);
    for (const at of this.#torn) {
      if (units[at] !== backslashUnit) {
        units[at] = replacementUnit;
        continue;
      }
      // Written out, because a megabyte may hold 160,000 of them.
      units[at + 2] = lowerFUnit;
      units[at + 3] = lowerFUnit;
      units[at + 4] = lowerFUnit;
      units[at + 5] = lowerDUnit;
    }
    let text = "";
    for (let at = 0; at < units.length; at += UNITS_WRITTEN_AT_ONCE_MAX) {
      text += String.fromCharCode(...units.subarray(at, at + UNITS_WRITTEN_AT_ONCE_MAX));
    }
    return text;
  }

  #open(isObject: boolean): void {
    const level = this.#levels[this.#depth];
    if (level === undefined) {
      this.#levels.push({ isObject, name: "", index: 0, names: null, hasName: false });
    } else {
      level.isObject = isObject;
      level.index = 0;
      level.names = null;
      level.hasName = false;
    }
    this.#depth += 1;
  }

  #readName(start: number, level: Level): Fault | null {
    const before = level.name;
    const isFirstTorn = this.tornAt === null;
    const isPlain = this.#readText();
    const written = this.#text.slice(start, this.#at);
    const name = isPlain ? written.slice(1, -1) : wellFormed(JSON.parse(written) as string);
    level.name = name;
    if (isFirstTorn && this.tornAt !== null) this.tornAt = this.#path();
    // 2. Most objects are small, so a set is made for the second name only.
    if (level.hasName) {
      level.names ??= new Set([before]);
      if (level.names.has(name)) return this.#fault("stands twice in one object; one of its values would be lost");
      level.names.add(name);
    }
    level.hasName = true;
    return name === "__proto__" ? this.#fault("is a name that is not taken") : null; // 3.
  }

  /** Moves past a text. Returns whether it holds neither an escape nor half a surrogate pair. */
  #readText(): boolean {
    const text = this.#text;
    let isPlain = true;
    let at = this.#at + 1;
    for (let code = text.charCodeAt(at); code !== quoteUnit; code = text.charCodeAt(at)) {
      if (code === backslashUnit) {
        isPlain = false;
        at = text.charCodeAt(at + 1) === lowerUUnit ? this.#afterUnit(at) : at + 2;
      } else if ((code & 0xf800) === 0xd800) {
        at = this.#afterUnit(at);
        isPlain = false;
      } else {
        at += 1;
      }
    }
    this.#at = at + 1;
    return isPlain;
  }

  /** Moves past a code unit, escaped or not, together with the other half of its pair. Notes one without it (4.). */
  #afterUnit(at: number): number {
    const text = this.#text;
    const next = afterUnit(text, at);
    const half = halfAt(text, at);
    if (half === "none") return next;
    if (half === "first" && halfAt(text, next) === "second") return afterUnit(text, next);
    this.tornAt ??= this.#path();
    this.#torn.push(at);
    return next;
  }

  #readNumber(): Fault | null {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    let digits = 0;
    let exponentDigits = -1;
    for (; ; at += 1) {
      const code = text.charCodeAt(at);
      if (code >= digit0Unit && code <= digit9Unit) {
        if (exponentDigits >= 0) exponentDigits += 1;
        else digits += 1;
      } else if (code === lowerEUnit || code === upperEUnit) {
        exponentDigits = 0;
      } else if (code !== plusUnit && code !== minusUnit && code !== dotUnit) {
        break;
      }
    }
    this.#at = at;
    if (digits <= ALWAYS_KEPT.digits && exponentDigits <= ALWAYS_KEPT.exponentDigits) return null;
    const message = numberFault(text.slice(start, at), digits);
    return message === null ? null : this.#fault(message);
  }

  #fault(message: string): Fault {
    return { path: this.#path(), message };
  }

  /** It is made for a fault only, because a text may hold a hundred thousand values. */
  #path(): string {
    return this.#levels
      .slice(0, this.#depth)
      .map(({ isObject, name, index }) => (isObject ? name : String(index)))
      .join(".");
  }
}

/** Where the unit after this one begins: `\uXXXX`, another escape, or one character. */
function afterUnit(text: string, at: number): number {
  if (text.charCodeAt(at) !== backslashUnit) return at + 1;
  return text.charCodeAt(at + 1) === lowerUUnit ? at + 6 : at + 2;
}

/** Which half of a surrogate pair stands here, escaped or not. */
function halfAt(text: string, at: number): "none" | "first" | "second" {
  const code = text.charCodeAt(at);
  if (code !== backslashUnit) return (code & 0xf800) !== 0xd800 ? "none" : code < 0xdc00 ? "first" : "second";
  if (text.charCodeAt(at + 1) !== lowerUUnit) return "none";
  // Halves are D800 to DFFF. Bit 0x20 tells capital letters from small ones.
  if ((text.charCodeAt(at + 2) | 0x20) !== lowerDUnit) return "none";
  const digit = text.charCodeAt(at + 3) | 0x20;
  if (digit >= 0x38 && digit <= 0x39) return "first";
  if (digit >= 0x61 && digit <= lowerFUnit) return digit < 0x63 ? "first" : "second";
  return "none";
}

function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** Returns why a number, as it is written with so many digits, cannot be kept (1.), or null. */
function numberFault(literal: string, digitsWritten: number): string | null {
  const value = Number(literal);
  const size = Math.abs(value);
  if (digitsWritten <= ALWAYS_KEPT.digits && size < ALWAYS_KEPT.power && size > 1 / ALWAYS_KEPT.power) return null;
  if (!Number.isFinite(value)) return `is the number ${quoted(literal)}, which is beyond the range of a double`;
  const kept = String(value);
  if (kept === literal) return null;
  const [written, keptDecimal] = [decimalOf(literal), decimalOf(kept)];
  if (written === keptDecimal) return null;
  if (value === 0) return `is the number ${quoted(literal)}, which is beyond the range of a double`;
  // Many programs write a double with more digits than it needs. That is still this double.
  const digits = written.indexOf("e");
  const isInteger = !/[.eE]/.test(literal) || (!/[eE]/.test(literal) && size > Number.MAX_SAFE_INTEGER);
  if (!isInteger && digits <= 100 && decimalOf(value.toPrecision(digits)) === written) return null;
  return `is the number ${quoted(literal)}, which would become ${kept}; send it as a text`;
}

/** A decimal number in one spelling: its digits without zeros at either end, then its exponent, without the sign. */
function decimalOf(literal: string): string {
  const [mantissa = "", exponent = "0"] = literal.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const all = whole + fraction;
  const digits = all.replace(/^0+/, "");
  const significant = withoutTrailingZeros(digits);
  if (significant === "") return "0";
  return `${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}

function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === digit0Unit) end -= 1;
  return digits.slice(0, end);
}

function quoted(text: string): string {
  return text.length <= NUMBER_SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, NUMBER_SHOWN_CHARACTERS_MAX)}…`;
}
