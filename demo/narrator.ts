import { styleText } from "node:util";

/** A check of the demo failed. The message says what was expected. */
export class DemoFailed extends Error {
  override readonly name = "DemoFailed";
}

/** Throws `DemoFailed` unless the condition holds. */
export function check(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new DemoFailed(expected);
}

/** Prints what happens, step by step, and the model's text while it comes. */
export interface Narrator {
  heading(text: string): void;
  fact(name: string, text: string): void;
  /** Reports that the next step held, with these figures. */
  step(title: string, saw: string): void;
  /** Reports something in the middle of a step. */
  aside(text: string): void;
  /** Prints a piece of the model's text. */
  speech(text: string): void;
  /** Reports that the step that is due failed. Nothing is printed afterwards. */
  failed(what: string): void;
  /** The number of the step that is due, from 1. */
  readonly due: number;
}

const SPEECH_COLUMNS = 96;
const SPEECH_INDENT = "        ";

export function createNarrator(): Narrator {
  let due = 1;
  let column: number | null = null;
  let isOver = false;
  const paint = (style: Parameters<typeof styleText>[0], text: string): string => styleText(style, text);

  function line(text: string): void {
    if (isOver) return;
    if (column !== null) process.stdout.write("\n");
    column = null;
    process.stdout.write(`${text}\n`);
  }

  return {
    heading: (text) => line(`\n${paint("bold", text)}\n`),
    fact: (name, text) => line(`   ${paint("dim", name.padEnd(9))}${text}`),
    step(title, saw) {
      line(`${String(due).padStart(3)} ${paint("green", "ok")}  ${paint("bold", title)}\n        ${saw}`);
      due += 1;
    },
    aside: (text) => line(`${SPEECH_INDENT}${paint("yellow", text)}`),
    failed(what) {
      line(`\n${String(due).padStart(3)} ${paint("red", "FAILED")}  ${what}\n`);
      isOver = true;
    },
    speech(text) {
      if (isOver) return;
      for (const word of text.match(/\S+\s*|\s+/g) ?? []) {
        const isFull = column !== null && column + word.trimEnd().length > SPEECH_COLUMNS;
        if (column === null || isFull) {
          process.stdout.write(`${isFull ? "\n" : ""}${SPEECH_INDENT}${paint("cyan", "|")} `);
          column = 0;
        }
        process.stdout.write(paint("dim", word.replaceAll("\n", " ")));
        column += word.length;
      }
    },
    get due() {
      return due;
    },
  };
}
