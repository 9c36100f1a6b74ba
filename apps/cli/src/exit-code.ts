/** What a command's exit tells a script. */
export const EXIT = {
  /** It did what it was asked to; a run that was followed has completed. */
  done: 0,
  /** The run that was followed has failed. */
  runFailed: 1,
  /** The command itself could not be carried out. */
  fault: 2,
  /** The run that was followed was canceled. */
  runCanceled: 3,
  /** Ctrl-C: the command stopped watching; the run goes on. */
  detached: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
