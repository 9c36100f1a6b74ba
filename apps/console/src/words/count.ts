/** A whole number with its thousands apart, such as `4,120`. The browser's own formats take long to be made. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A number with its noun, such as `1 step` and `3 steps`. */
export function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** An amount of money, with as many digits as it needs. */
export function dollars(amount: number): string {
  return `$${amount >= 1 ? amount.toFixed(2) : amount.toPrecision(2).replace(/0+$/, "").replace(/\.$/, "")}`;
}
