/**
 * A key or token, or a function that gets one. The function is called for the first token, and again when a token is
 * refused or about to expire.
 */
export type TokenSource = string | (() => string | Promise<string>);

/** Holds a token until it is refused. */
export interface TokenKeeper {
  /** Returns the token held, or gets the first one. Rejects if the source does. */
  current(): Promise<string>;
  /**
   * Returns a token other than `refused`; `null` if the source is a fixed text. Calls at the same time share one
   * request to the source. Rejects if the source does.
   */
  renew(refused: string): Promise<string | null>;
}

/** Makes a keeper. It asks the source for nothing until it needs a token. */
export function keepToken(source: TokenSource): TokenKeeper {
  let held: Promise<string> | null = null;

  function ask(): Promise<string> {
    if (typeof source === "string") return Promise.resolve(source);
    const asked = Promise.resolve().then(source);
    held = asked;
    // A failure is not kept: the next caller asks again.
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
      // Another caller has renewed it since.
      return current === refused ? ask() : current;
    },
  };
}

/**
 * Returns when a browser token expires, in milliseconds since the epoch. Returns `null` for an API key, and where the
 * token cannot be read.
 */
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
