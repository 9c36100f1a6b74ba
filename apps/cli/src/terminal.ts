import { styleText } from "node:util";

/** A way to set words apart, on a terminal that shows it; elsewhere, and with NO_COLOR, the words come as they are. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export type Paint = (style: Style, text: string) => string;

/** What a command has to say about its work. The result itself goes to standard output, so that it can be piped. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export const paintNote: Paint = (style, text) => styleText(style, text, { stream: process.stderr });

/** Whoever reads our output may leave early (`| head`): no reason to complain. */
export function leaveWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
