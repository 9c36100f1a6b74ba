/** Where a model found what it says: a page, or a document that it was given. */
export type Source =
  | { readonly type: "url"; readonly url: string; readonly title?: string }
  | { readonly type: "document"; readonly mediaType: string; readonly title: string; readonly filename?: string };

/** A passage of what the model says, and where it found that. */
export interface Citation {
  /** Which of the step's sources it is, from 0. */
  readonly source: number;
  /** In which text of the step it stands, from 0. */
  readonly text: number;
  /** Where it begins in that text, in characters as the provider counts them; left out: it is the whole text. */
  readonly start?: number;
  /** Where it ends, exclusively. Given exactly if `start` is. */
  readonly end?: number;
  /** The passage of the source, as far as the provider gives it. */
  readonly quote?: string;
}
