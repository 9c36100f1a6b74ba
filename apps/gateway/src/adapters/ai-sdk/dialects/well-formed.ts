/**
 * Returns the value with U+FFFD for each half of a surrogate pair: in texts, in names of fields, at every depth. Such a
 * half is no Unicode text, and strict servers call the whole request no JSON. A value without one is returned as it is.
 */
export function wellFormed<T>(value: T): T {
  if (typeof value === "string") return (value.isWellFormed() ? value : value.toWellFormed()) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => wellFormed(item));
    return (items.every((item, index) => item === value[index]) ? value : items) as T;
  }
  const entries = Object.entries(value);
  const changed = entries.map(([name, field]) => [wellFormed(name), wellFormed<unknown>(field)] as const);
  const isSame = changed.every(([name, field], index) => name === entries[index]?.[0] && field === entries[index]?.[1]);
  return (isSame ? value : Object.fromEntries(changed)) as T;
}
