import type { Device } from "@hsafa/protocol";
import type { StatusWords } from "../words/status-words.ts";

/** Returns how a device stands, in a word. */
export function deviceWords({ online, pairing }: Device): StatusWords {
  if (pairing.state === "waiting") return { word: "shows a code", tone: "waiting" };
  if (pairing.state === "unpaired") return { word: "not paired", tone: "canceled" };
  return online ? { word: "online", tone: "completed" } : { word: "away", tone: "queued" };
}
