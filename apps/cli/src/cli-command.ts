import { Command } from "commander";

/** One line that a person may type, and what it does. */
export interface Example {
  readonly line: string;
  readonly what: string;
}

/**
 * A command with examples in its help. A group of commands shows those of its own.
 *
 * 1. Every command that prints something has `--json` (`printsJson`), and says what its fields are.
 * 2. Every command has an example. A test walks all of them.
 */
export class CliCommand extends Command {
  readonly #examples: Example[] = [];

  constructor(name?: string) {
    super(name);
    this.addHelpText("after", () => this.#exampleText());
    this.exitOverride();
  }

  get examples(): readonly Example[] {
    return this.#examples;
  }

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  /** Adds an example to the help: what a person types after `npx hsafa`, and what that does. */
  example(line: string, what: string): this {
    this.#examples.push({ line: `hsafa ${line}`, what });
    return this;
  }

  /** Adds `--json`. `fields`: what a line of its output holds. */
  printsJson(fields: string): this {
    return this.option("--json", `print ${fields} as JSON, one object a line`);
  }

  #exampleText(): string {
    if (this.#examples.length === 0) return "";
    const width = Math.max(...this.#examples.map(({ line }) => line.length));
    const lines = this.#examples.map(({ line, what }) => `  ${line.padEnd(width)}  # ${what}`);
    return `\nExamples:\n${lines.join("\n")}`;
  }
}
