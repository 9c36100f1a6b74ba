import { InvalidArgumentError } from "commander";
import { SCOPES, type Scope } from "@hsafa/protocol";

/** Reads scopes that are separated by commas. Throws for a name that is none. */
export function readScopes(text: string): Scope[] {
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !(SCOPES as readonly string[]).includes(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`'${wrong}' is no scope; scopes are ${SCOPES.join(", ")}.`);
  return names as Scope[];
}
