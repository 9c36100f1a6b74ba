import type { LanguageModelV4Source } from "@ai-sdk/provider";
import type { Source } from "@hsafa/protocol";

/** What a step found, each once: providers name a page when they find it, and again when they cite it. */
export class FoundSources {
  readonly #found = new Map<string, Source>();

  get count(): number {
    return this.#found.size;
  }

  /** In the order in which they were found. */
  get all(): readonly Source[] {
    return [...this.#found.values()];
  }

  /** Returns the place of a source that was found, from 0. */
  placeOf(part: LanguageModelV4Source): number {
    return [...this.#found.keys()].indexOf(keyOf(sourceOf(part)));
  }

  /** Returns the source if it tells something new: another one, or the title of a page that had none. */
  add(part: LanguageModelV4Source): Source | null {
    const source = sourceOf(part);
    const key = keyOf(source);
    const before = this.#found.get(key);
    if (before !== undefined && (before.title !== undefined || source.title === undefined)) return null;
    this.#found.set(key, source);
    return source;
  }
}

function sourceOf(part: LanguageModelV4Source): Source {
  const title = part.title === undefined || part.title === "" ? {} : { title: part.title.toWellFormed() };
  if (part.sourceType === "url") return { type: "url", url: part.url.toWellFormed(), ...title };
  const { mediaType, filename } = part;
  const name = filename === undefined ? {} : { filename: filename.toWellFormed() };
  return { type: "document", mediaType: mediaType.toWellFormed(), title: part.title.toWellFormed(), ...name };
}

function keyOf(source: Source): string {
  return source.type === "url" ? source.url : JSON.stringify(source);
}
