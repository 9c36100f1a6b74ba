import type { Log } from "../../src/ports/log.ts";

export interface LogLine {
  readonly level: keyof Log;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines, so that a test can show that nothing went wrong unseen. */
export interface RecordingLog extends Log {
  readonly lines: readonly LogLine[];
  /** The lines of level `error`, as `<message>: <message of the cause>`. A test may empty it. */
  readonly errors: string[];
}

export function recordingLog(): RecordingLog {
  const lines: LogLine[] = [];
  const errors: string[] = [];
  const keep =
    (level: keyof Log) =>
    (fields: object & { readonly err?: unknown }, message: string): void => {
      lines.push({ level, message, fields: { ...fields } });
      if (level === "error") errors.push(`${message}: ${fields.err instanceof Error ? fields.err.message : ""}`);
    };
  return { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error"), lines, errors };
}
