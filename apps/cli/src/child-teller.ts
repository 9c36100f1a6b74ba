import type { Client, RunStreamEvent } from "@hsafa/client";
import { CHILD_LAST_WORDS_MS, CHILDREN_FOLLOWED_MAX } from "./limits.ts";
import { createRunPrinter } from "./run-printer.ts";
import { own, type Shown, styled } from "./shown.ts";
import { print } from "./terminal.ts";

/** Tells what the children of a run do, each line after the name of the tool that started the child. */
export class ChildTeller {
  readonly #client: Client;
  readonly #leaving = new AbortController();
  readonly #label: Shown;
  /** The names of tools, by call. */
  readonly #tools = new Map<string, string>();
  readonly #followed = new Map<string, Promise<void>>();

  constructor(client: Client, label: Shown = own``) {
    this.#client = client;
    this.#label = label;
  }

  /** Resolves once a child that has ended has said its last, so that its lines stand before its parent's next. */
  async hear(event: RunStreamEvent): Promise<void> {
    if (event.type === "tool.requested") this.#tools.set(event.data.callId, event.data.toolName);
    if (event.type === "tool.dispatched" && event.data.child !== undefined)
      this.#follow(event.data.child.runId, this.#tools.get(event.data.callId) ?? "");
    if (event.type === "child.ended") await this.#saysItsLast(event.data.childRunId);
  }

  close(): void {
    this.#leaving.abort();
  }

  #follow(runId: string, toolName: string): void {
    if (this.#followed.size >= CHILDREN_FOLLOWED_MAX || this.#followed.has(runId)) return;
    // What cannot be followed is not told. The parent's stream says if the gateway is away.
    this.#followed.set(
      runId,
      this.#tell(runId, own`${this.#label}${toolName}: `).catch(() => {}),
    );
  }

  async #tell(runId: string, label: Shown): Promise<void> {
    const { signal } = this.#leaving;
    const printer = createRunPrinter({ marksResult: true });
    const below = new ChildTeller(this.#client, label);
    signal.addEventListener("abort", () => below.close(), { once: true });
    try {
      for await (const event of this.#client.runs.stream(runId, { signal })) {
        // Of a text that comes in parts, the whole is told: lines of several runs must not mix.
        const shown = isPart(event) ? [] : printer(event).map((printed) => printed.shown);
        if (shown.length > 0) print("notes", shown.reduce(after, styled("dim", own`   ${label}`)));
        await below.hear(event);
      }
    } finally {
      below.close();
    }
  }

  async #saysItsLast(runId: string): Promise<void> {
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, CHILD_LAST_WORDS_MS);
    await Promise.race([this.#followed.get(runId), limit.promise]);
    clearTimeout(timer);
  }
}

function after(before: Shown, next: Shown): Shown {
  return own`${before}${next}`;
}

function isPart({ type }: RunStreamEvent): boolean {
  return /\.(start|delta|end)$/.test(type);
}
