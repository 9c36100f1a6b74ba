/**
 * A key or token as it is, or whoever can get one: asked for the first one, and again when it is refused or about to
 * wear out.
 */
export type TokenSource = string | (() => string | Promise<string>);

/** Remembers a token until somebody says that it was refused. */
export interface TokenKeeper {
  current(): Promise<string>;
  /**
   * `refused` was not accepted: a new one, or null when there is nobody to ask. Askers at the same time share one
   * answer.
   */
  renew(refused: string): Promise<string | null>;
}

export function keepToken(source: TokenSource): TokenKeeper {
  let held: Promise<string> | null = null;

  function ask(): Promise<string> {
    if (typeof source === "string") return Promise.resolve(source);
    const asked = Promise.resolve().then(source);
    held = asked;
    // A failure is not remembered: the next one who needs a token asks again.
    asked.catch(() => {
      if (held === asked) held = null;
    });
    return asked;
  }

  return {
    current: () => held ?? ask(),
    async renew(refused) {
      if (typeof source === "string") return null;
      const current = await (held ?? ask());
      // Somebody else has renewed it since.
      return current === refused ? ask() : current;
    },
  };
}

/** When a browser token wears out, in milliseconds since the epoch; null for an API key, or where it cannot be read. */
export function tokenExpiresAt(token: string): number | null {
  const payload = token.split(".")[1];
  if (payload === undefined || typeof atob !== "function") return null;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof claims !== "object" || claims === null || !("exp" in claims)) return null;
    return typeof claims.exp === "number" ? claims.exp * 1000 : null;
  } catch {
    return null;
  }
}
