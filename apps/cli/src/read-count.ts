import { InvalidArgumentError } from "commander";

/** Reads how many items are wanted: 1 or more. Throws for what is no such number. */
export function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError("It is a whole number, 1 or more.");
  return count;
}
