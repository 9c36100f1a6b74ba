/** Recognises files by their first bytes. */
export interface MediaTypes {
  /** Returns the media type of a file that begins with these bytes; null when they tell none. It never rejects. */
  recognise(head: Uint8Array): Promise<string | null>;
}
