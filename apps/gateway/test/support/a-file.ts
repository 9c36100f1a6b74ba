/** A text file of the tenant itself, for an upload in tests. It has no id yet. */
export const A_FILE = {
  owner: "key:any",
  subject: null,
  idempotencyKey: null,
  filename: "notes.txt",
  mediaType: "text/plain",
  keptIn: "here",
} as const;
