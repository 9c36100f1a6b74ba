import { styleText } from "node:util";

/** Styles a text. Without a terminal, and with NO_COLOR, it returns the text as it is. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export type Paint = (style: Style, text: string) => string;

/** Prints a note to standard error. Results go to standard output, so that they can be piped. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export const paintNote: Paint = (style, text) => styleText(style, text, { stream: process.stderr });

/** Ends the command in silence when the reader of its output ends first (`| head`). */
export function leaveWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
