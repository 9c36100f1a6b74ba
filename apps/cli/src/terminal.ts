import { createInterface } from "node:readline";
import { styleText } from "node:util";
import { terminalName } from "./config.ts";
import { COLUMNS_DEFAULT } from "./limits.ts";
import { type Canvas, cutToLine, renderShown } from "./render-shown.ts";
import { lineEnd, own, type Shown } from "./shown.ts";
import { visibleJson } from "./visible-text.ts";

/**
 * The one way to the outputs. What a command was asked for is its result, and goes to standard output so that it can be
 * piped. All else is a note about it.
 */
export type Output = "result" | "notes";

/** Prints a line as a note. */
export function note(shown: Shown): void {
  print("notes", own`${shown}${lineEnd}`);
}

/** Prints a line as a result. */
export function tell(shown: Shown): void {
  print("result", own`${shown}${lineEnd}`);
}

/** Prints a value as a line of JSON. It is exact, and safe on a terminal. */
export function tellJson(value: unknown): void {
  showStatus(null);
  process.stdout.write(`${visibleJson(value)}\n`);
}

/** Prints a result: as a line of JSON where that was asked for, and else as a person reads it. */
export function report(asJson: true | undefined, value: unknown, shown: Shown): void {
  if (asJson === true) tellJson(value);
  else tell(shown);
}

/** Prints a part of a line, or several lines. */
export function print(to: Output, shown: Shown): void {
  const stream = to === "result" ? process.stdout : process.stderr;
  showStatus(null);
  const { text, column } = renderShown(shown, canvasOf(stream), columns[to]);
  columns[to] = column;
  stream.write(text);
}

/** Whether a status can be shown: a line of the notes that is replaced, and goes away. */
export function canShowStatus(): boolean {
  return process.stderr.isTTY && !isDumb();
}

/**
 * Replaces the status; `null`: there is none. A line of the notes or the results that is not at its end keeps the
 * place. Whatever is printed removes the status first.
 */
export function showStatus(shown: Shown | null): void {
  if (hasStatus) process.stderr.write(CLEAR_LINE);
  hasStatus = false;
  const isMidLine = columns.notes > 0 || (process.stdout.isTTY && columns.result > 0);
  if (shown === null || isMidLine) return;
  hasStatus = true;
  process.stderr.write(
    styleText("dim", cutToLine(shown, process.stderr.columns || COLUMNS_DEFAULT), { stream: process.stderr }),
  );
}

/** A terminal that knows no movements. */
function isDumb(): boolean {
  return terminalName() === "dumb";
}

/** Whether results appear on a terminal, beside the notes. */
export function isResultOnTerminal(): boolean {
  return process.stdout.isTTY;
}

/** Whether a person can be asked here. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks a person. Resolves with whether they said yes; the end of their input is a no. */
export async function askYes(question: Shown): Promise<boolean> {
  print("notes", own`${question} [y/N] `);
  const input = createInterface({ input: process.stdin });
  try {
    for await (const line of input) {
      columns.notes = 0;
      return /^y(es)?$/i.test(line.trim());
    }
    note(own``);
    return false;
  } finally {
    input.close();
  }
}

/** Ends the command in silence when the reader of its output ends first (`| head`). */
export function leaveWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}

let hasStatus = false;
/** To the begin of the line, and nothing from there on. */
const CLEAR_LINE = "\r\u001b[K";

/** The column in which each output stands. */
const columns: Record<Output, number> = { result: 0, notes: 0 };

function canvasOf(stream: NodeJS.WriteStream): Canvas {
  return {
    columns: stream.isTTY ? stream.columns : null,
    paint: (style, text) => styleText(style, text, { stream }),
  };
}
