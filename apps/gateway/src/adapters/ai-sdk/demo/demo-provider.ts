import { createHash } from "node:crypto";
import {
  APICallError,
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4StreamPart,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import type { FileStandIns } from "../file-stand-ins.ts";
import { DEMO_FAILURES_COUNTED_MAX, DEMO_PARTS_PER_TURN } from "../limits.ts";
import type { Clock } from "../../../ports/clock.ts";
import { BUILT_IN_SCRIPTS } from "./built-in-scripts.ts";
import { conversationOf, type DemoConversation } from "./demo-conversation.ts";
import { DEMO_SEARCH, type DemoAction, playStep } from "./play-step.ts";
import { type DemoPart, type DemoScript, parseDemoScript } from "./demo-script.ts";

const SCRIPT = "script";
const NO_URL = "demo:";

/** A provider that plays scripts, for first runs, demos and tests. It is deterministic and needs no network. */
export class DemoProvider {
  readonly #clock: Clock;
  /** How often a `fail … times` has failed, by the content of the call; see docs/demo-provider.md. */
  readonly #failures = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns why there is no such demo, or null if there is. */
  check(name: string): string | null {
    if (name === SCRIPT || Object.hasOwn(BUILT_IN_SCRIPTS, name)) return null;
    const known = [...Object.keys(BUILT_IN_SCRIPTS), SCRIPT].map((one) => `demo/${one}`).join(", ");
    return `there is no model 'demo/${name}'; there are ${known}.`;
  }

  /** `nextTurn`: resolves in a later turn of the event loop. */
  languageModel(
    name: string,
    { files, nextTurn }: { readonly files: Pick<FileStandIns, "fileOf">; readonly nextTurn: () => Promise<void> },
  ): LanguageModelV4 {
    return {
      specificationVersion: "v4",
      provider: "demo",
      modelId: name,
      supportedUrls: {},
      doGenerate: () => {
        throw new UnsupportedFunctionalityError({
          functionality: "doGenerate",
          message: "The demo provider only streams.",
        });
      },
      doStream: async (options) => {
        const conversation = conversationOf(options, files);
        const script = scriptFor(name, conversation, options);
        const isLacking = !conversation.providerTools.includes(DEMO_SEARCH);
        if (isLacking && script.steps.some((step) => step.some((part) => "search" in part)))
          throw badRequest(
            "The script searches, and the agent has no such tool: give it demo.web_search in providerTools.",
          );
        const actions = playStep(script, conversation);
        return { stream: this.#stream(actions, options, nextTurn) };
      },
    };
  }

  /**
   * Plays the actions as the reader pulls. A script without pauses puts many parts into one pull. It waits for its turn
   * of the event loop between pulls.
   */
  #stream(
    actions: Generator<DemoAction, void>,
    options: LanguageModelV4CallOptions,
    nextTurn: () => Promise<void>,
  ): ReadableStream<LanguageModelV4StreamPart> {
    const { abortSignal } = options;
    return new ReadableStream({
      pull: async (controller) => {
        for (let played = 0; played < DEMO_PARTS_PER_TURN; played += 1) {
          abortSignal?.throwIfAborted();
          const { value: action, done } = actions.next();
          if (done === true) return controller.close();
          switch (action.kind) {
            case "part":
              controller.enqueue(action.part);
              break;
            case "wait":
              if (action.ms === 0) break;
              await this.#pause(action.ms, abortSignal);
              break;
            case "hang":
              await this.#pause(null, abortSignal);
              break;
            case "fail":
              if (!this.#fails(action, options)) break;
              // The error is a part, because failing the stream would drop the parts that have not been read yet.
              if (action.fail.fail !== "cut") controller.enqueue({ type: "error", error: errorOf(action.fail) });
              return controller.close();
            default:
              action satisfies never;
          }
        }
        await nextTurn();
      },
      cancel: () => void actions.return(undefined),
    });
  }

  /** Returns whether this failure is due now. After its last time the count starts again, so a replay fails equally. */
  #fails({ fail, place }: Extract<DemoAction, { kind: "fail" }>, options: LanguageModelV4CallOptions): boolean {
    if (fail.times === undefined) return true;
    const key = createHash("sha256")
      .update(`${place} ${JSON.stringify(options.prompt)}`)
      .digest("base64");
    const failed = this.#failures.get(key) ?? 0;
    this.#failures.delete(key);
    if (failed >= fail.times) return false;
    this.#failures.set(key, failed + 1);
    const oldest = this.#failures.keys().next().value;
    if (this.#failures.size > DEMO_FAILURES_COUNTED_MAX && oldest !== undefined) this.#failures.delete(oldest);
    return true;
  }

  /** Waits `ms`, or for ever if it is null. Rejects when the call is aborted. */
  #pause(ms: number | null, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        stop();
        reject(signal?.reason as Error);
      };
      const stop =
        ms === null
          ? () => {}
          : this.#clock.after(ms, () => {
              signal?.removeEventListener("abort", onAbort);
              resolve();
            });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/** Returns the script of this call, with the pace of its settings. */
function scriptFor(name: string, conversation: DemoConversation, options: LanguageModelV4CallOptions): DemoScript {
  const { script: given, ...pace } = options.providerOptions?.demo ?? {};
  const builtIn = BUILT_IN_SCRIPTS[name]?.(conversation);
  const script =
    builtIn ?? parseDemoScript(given ?? directiveIn(conversation.user) ?? directiveIn(conversation.system));
  if (typeof script === "string") {
    throw badRequest(
      `This is no demo script: ${script}. Put one into settings.providerOptions.demo.script, or write 'demo:' and the script as JSON at the end of the last message.`,
    );
  }
  const checked = parseDemoScript({ steps: [[{ say: "" }]], ...pace });
  if (typeof checked === "string") throw badRequest(`settings.providerOptions.demo: ${checked}`);
  return {
    steps: script.steps,
    loop: script.loop ?? false,
    chunk: checked.chunk ?? script.chunk,
    everyMs: checked.everyMs ?? script.everyMs,
  };
}

/** Returns the JSON after `demo:` at the start of a line, up to the end of the text. */
function directiveIn(text: string): unknown {
  const json = /(?:^|\n)demo:\s*([[{][\s\S]*)$/.exec(text)?.[1];
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw badRequest(`What follows 'demo:' is no JSON: ${(error as Error).message}`);
  }
}

function badRequest(message: string): APICallError {
  return new APICallError({ message, url: NO_URL, requestBodyValues: {}, statusCode: 400 });
}

function errorOf({ fail }: Extract<DemoPart, { fail: unknown }>): Error {
  if (typeof fail === "string") {
    const cause = Object.assign(new Error("the demo's network is down"), { code: "ECONNRESET" });
    return new TypeError("fetch failed", { cause });
  }
  const { status, message = `the demo script asked for status ${status}`, retryAfterMs } = fail;
  const responseHeaders: Record<string, string> =
    retryAfterMs === undefined ? {} : { "retry-after-ms": String(retryAfterMs) };
  return new APICallError({ message, url: NO_URL, requestBodyValues: {}, statusCode: status, responseHeaders });
}
