import type { JsonObject, JsonValue } from "@hsafa/protocol";

/** What the references within a schema lead to. */
export class SchemaReferences {
  readonly #root: JsonObject;
  readonly #anchors = new Map<string, JsonObject>();

  constructor(root: JsonObject) {
    this.#root = root;
    this.#readAnchors(root);
  }

  /** The schema that a reference names; undefined if it lies elsewhere, which is refused when it is compiled. */
  find(reference: JsonValue | undefined): JsonValue | undefined {
    if (typeof reference !== "string") return undefined;
    const named = this.#anchors.get(reference);
    if (named !== undefined) return named;
    const hash = reference.indexOf("#");
    const base = hash < 0 ? reference : reference.slice(0, hash);
    const pointer = hash < 0 ? "" : reference.slice(hash + 1);
    const from = base === "" ? this.#root : this.#anchors.get(base);
    if (from === undefined || pointer === "") return from;
    if (!pointer.startsWith("/")) return this.#anchors.get(`#${pointer}`);
    return pointer
      .slice(1)
      .split("/")
      .reduce<JsonValue | undefined>((at, segment) => childOf(at, segment), from);
  }

  #readAnchors(value: JsonValue): void {
    if (Array.isArray(value)) for (const item of value) this.#readAnchors(item);
    if (!isObject(value)) return;
    for (const keyword of ["$id", "$anchor", "$dynamicAnchor"]) {
      const name = value[keyword];
      if (typeof name === "string") this.#anchors.set(keyword === "$id" ? name : `#${name}`, value);
    }
    for (const child of Object.values(value)) this.#readAnchors(child);
  }
}

function childOf(value: JsonValue | undefined, segment: string): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const name = decoded(segment);
  return Array.isArray(value) ? value[Number(name)] : Object.hasOwn(value, name) ? value[name] : undefined;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return segment;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
