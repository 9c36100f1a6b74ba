/** The properties of a run that decide who sees it. */
export interface RunBounds {
  readonly id: string;
  readonly threadId: string | null;
  readonly deviceKey: string | null;
  readonly subject: string | null;
  /** Of a child: the run above it that a client has started, and the thread of that one. */
  readonly rootRunId: string | null;
  readonly rootThreadId: string | null;
}
