/** What one check of `hsafa doctor` found. */
export interface Check {
  readonly name: string;
  /** `skipped`: it could not be looked at, and `message` says why. */
  readonly state: "ok" | "warning" | "broken" | "skipped";
  readonly message: string;
  /** What to do about it; `null` if nothing is wrong. */
  readonly cure: string | null;
}

/** Makes the outcomes of one check. */
export function checkNamed(name: string): {
  ok(message: string): Check;
  warning(message: string, cure: string): Check;
  broken(message: string, cure: string): Check;
  skipped(message: string): Check;
} {
  return {
    ok: (message) => ({ name, state: "ok", message, cure: null }),
    warning: (message, cure) => ({ name, state: "warning", message, cure }),
    broken: (message, cure) => ({ name, state: "broken", message, cure }),
    skipped: (message) => ({ name, state: "skipped", message, cure: null }),
  };
}
