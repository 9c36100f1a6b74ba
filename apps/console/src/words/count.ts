/** A number with its thousands apart, such as `4,120`. */
export function grouped(number: number): string {
  return number.toLocaleString("en-US");
}

/** A number with its noun, such as `1 step` and `3 steps`. */
export function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** An amount of money, with as many digits as it needs. */
export function dollars(amount: number): string {
  return `$${amount >= 1 ? amount.toFixed(2) : amount.toPrecision(2).replace(/0+$/, "").replace(/\.$/, "")}`;
}
