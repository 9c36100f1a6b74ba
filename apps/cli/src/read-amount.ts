import { InvalidArgumentError } from "commander";

/** Reads an amount: a number, 0 or more. Throws for what is no such number. */
export function readAmount(text: string): number {
  const amount = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(amount) || amount < 0) throw new InvalidArgumentError("It is a number, 0 or more.");
  return amount;
}
