import type { JsonObject, JsonValue } from "@hsafa/protocol";
import canonicalize from "canonicalize";

/** One thing that two configs say differently. `before` or `after` is left out where one of them says nothing. */
export interface ConfigChange {
  /** Like `tools.get_time.description`: what a list holds is named where all of it has names. */
  readonly path: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/** Returns what differs between two configs, in the order of their paths. Equal configs give none. */
export function configDiff(before: JsonObject, after: JsonObject): ConfigChange[] {
  return differences("", before, after);
}

function differences(path: string, before: JsonValue | undefined, after: JsonValue | undefined): ConfigChange[] {
  if (before === undefined) return after === undefined ? [] : [{ path, after }];
  if (after === undefined) return [{ path, before }];
  if (isObject(before) && isObject(after)) return inObjects(path, before, after);
  const [wasNamed, isNamed] = [byName(before), byName(after)];
  if (wasNamed !== null && isNamed !== null) {
    const inside = inObjects(path, wasNamed, isNamed);
    // The same entries in another order are another config.
    if (inside.length > 0 || sameText(Object.keys(wasNamed), Object.keys(isNamed))) return inside;
    return [{ path: `${path} (order)`, before: Object.keys(wasNamed), after: Object.keys(isNamed) }];
  }
  return sameText(before, after) ? [] : [{ path, before, after }];
}

function inObjects(path: string, before: JsonObject, after: JsonObject): ConfigChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return names.flatMap((name) => differences(path === "" ? name : `${path}.${name}`, before[name], after[name]));
}

/** A list of objects that each have a name of their own, by these names. Null for any other value. */
function byName(value: JsonValue): JsonObject | null {
  if (!Array.isArray(value)) return null;
  const entries = value.map((item): [string, JsonValue] | null =>
    isObject(item) && typeof item.name === "string" ? [item.name, item] : null,
  );
  if (entries.some((entry) => entry === null)) return null;
  const named = new Map(entries.filter((entry) => entry !== null));
  return named.size === value.length ? Object.fromEntries(named) : null;
}

function sameText(one: JsonValue, other: JsonValue): boolean {
  return canonicalize(one) === canonicalize(other);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
