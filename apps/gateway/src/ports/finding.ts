/** What an examination of a service found, for a person who sets hsafa up. It holds no password. */
export interface Finding {
  readonly state: "ok" | "warning" | "broken";
  /** What is there, or what is wrong. */
  readonly message: string;
  /** What to do about it; null if nothing is wrong. */
  readonly cure: string | null;
}
