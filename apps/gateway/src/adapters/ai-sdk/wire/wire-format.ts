import type { JsonObject, JsonValue } from "@hsafa/protocol";

/**
 * How far an answer has come. `open`: its end is not known. `finished`: the provider has said why it ended, and may
 * still send the usage. `closed`: the closing mark has come, and nothing follows.
 */
export type Progress = "open" | "finished" | "closed";

/** What a frame leads to. */
export interface Reading<State> {
  readonly state: State;
  /** The frames that the provider's package is given instead. They fit its schema. */
  readonly frames: readonly JsonObject[];
  /** Whether the frame said something that this format knows. */
  readonly isUnderstood: boolean;
}

/** A frame that does nothing but add words to a part of the answer. */
export interface Growth {
  /** Equal for frames that add to the same part in the same way. */
  readonly part: string;
  readonly words: string;
  /** Whether the words are text or reasoning, and a second such frame tells the provider's package nothing else. */
  readonly isSpeech: boolean;
  /** Returns the frame with other words. */
  withWords(words: string): JsonObject;
}

/**
 * What one API of a provider says in the frames of a stream, and how servers that copy the API say it otherwise. Every
 * function is pure.
 *
 * 1. The frames of a reading fit the schema of the provider's package: one that does not would end the step.
 * 2. No text, reasoning or call in a frame is lost, wherever the server puts it.
 * 3. Frames that say nothing of the answer lead to no frame.
 * 4. Adjacent frames of one growth say the same as the last of them with the words of all.
 */
export interface WireFormat<State> {
  /** The state before the first frame. */
  readonly initial: State;
  /** Reads one frame. Errors have been taken out (`refusalOf`). */
  read(state: State, frame: JsonValue): Reading<State>;
  /** Reads the closing mark that many servers send: `data: [DONE]`. */
  readDone(state: State): Reading<State>;
  /** The frames that the provider's package still needs at the end of a finished answer. */
  end(state: State): readonly JsonObject[];
  progressOf(state: State): Progress;
  /** Whether a frame of a reading only adds words to a part (4.). Most frames of an answer do. */
  growthOf(frame: JsonObject): Growth | null;
  /** Whether a frame of a reading, if it is no growth of speech, leads to no text and no reasoning in any package. */
  isSilent(frame: JsonObject): boolean;
  /** What the server wants back with the answer and the package does not pass on; absent: nothing. */
  detailsOf?(state: State): readonly JsonObject[];
}
