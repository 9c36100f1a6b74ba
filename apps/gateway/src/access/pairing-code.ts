import { randomInt } from "node:crypto";
import { PAIRING_CODE_CHARACTERS } from "./limits.ts";

/** Letters that nobody takes for another one, and that form no words (RFC 8628, 6.1). */
const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";

/** Makes a code that a device shows to a person, such as `WDJB-MJHT`. */
export function newPairingCode(): string {
  return readable(Array.from({ length: PAIRING_CODE_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join(""));
}

/** Returns the code that a person has typed, whatever the case, with or without its dash. Null: it is none. */
export function typedPairingCode(text: string): string | null {
  const letters = text.toUpperCase().replaceAll(/[\s-]/g, "");
  const isCode =
    letters.length === PAIRING_CODE_CHARACTERS && Array.from(letters).every((one) => ALPHABET.includes(one));
  return isCode ? readable(letters) : null;
}

function readable(letters: string): string {
  const half = PAIRING_CODE_CHARACTERS / 2;
  return `${letters.slice(0, half)}-${letters.slice(half)}`;
}
