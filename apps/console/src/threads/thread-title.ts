import type { Thread } from "@hsafa/protocol";
import { shortId } from "../words/short-id.ts";

/** What a thread is called: by its title, else by its key, else by its id. */
export function threadTitle({ id, key, title }: Thread): string {
  return title ?? key ?? `thread ${shortId(id)}`;
}
