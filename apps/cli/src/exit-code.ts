/** The exit codes of the commands. `EXIT_MEANINGS` says them for the documents. */
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

/** What each exit code means. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [EXIT.done]: "it succeeded; a run that was followed completed",
  [EXIT.runFailed]: "the run that was followed failed",
  [EXIT.fault]: "the command itself failed: wrong arguments, no gateway, a refusal; `doctor`: something is broken",
  [EXIT.runCanceled]: "the run that was followed was canceled",
  [EXIT.runIncomplete]:
    "the run completed, and its answer is not whole: it was cut at its length, filtered, or ended for no known reason",
  [EXIT.detached]: "Ctrl-C: the command stopped watching, and the run goes on",
};
