/** The exit codes of the commands. */
export const EXIT = {
  /** The command succeeded. If it followed a run, the run completed. */
  done: 0,
  /** The run that was followed has failed. */
  runFailed: 1,
  /** The command itself failed. */
  fault: 2,
  /** The run that was followed was canceled. */
  runCanceled: 3,
  /** The run that was followed completed, and its last answer is not whole: it was cut or filtered. */
  runIncomplete: 4,
  /** Ctrl-C: the command stopped watching; the run goes on. */
  detached: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
