import { SHOWN_CHARACTERS_MAX } from "./limits.ts";
import type { RunStreamEvent } from "@hsafa/client";
import { isWholeAnswer, type JsonValue, type Message, type Usage } from "@hsafa/protocol";
import type { Paint } from "./terminal.ts";

/** A piece of output. What the model says is the command's result; everything else is a note about it. */
export interface Printed {
  readonly to: "result" | "notes";
  readonly text: string;
}

/**
 * Turns a run's events into what a person reads. It remembers two things about the step in progress: whether a line is
 * open, and whether text came in deltas. The deltas of old runs may be compacted. Then the text of the finished step is
 * printed.
 */
export function createRunPrinter(paint: Paint): (event: RunStreamEvent) => Printed[] {
  let open: Printed["to"] | null = null;
  /** Whether the step in progress has shown text; null when its beginning was not seen. */
  let textSeen: boolean | null = null;

  function stream(to: Printed["to"], text: string, shown: string): Printed[] {
    const before = open === to ? [] : closeLine();
    open = text.endsWith("\n") ? null : to;
    return [...before, { to, text: shown }];
  }

  function closeLine(): Printed[] {
    const end: Printed[] = open === null ? [] : [{ to: open, text: "\n" }];
    open = null;
    return end;
  }

  function line(text: string): Printed[] {
    return [...closeLine(), { to: "notes", text: `${text}\n` }];
  }

  return (event) => {
    switch (event.type) {
      case "message.user":
        return line(paint("dim", `> ${oneLine(textOf(event.data.message))}`));
      case "step.started":
        textSeen = false;
        return [];
      case "reasoning.delta":
        return stream("notes", event.data.text, paint("dim", event.data.text));
      case "text.delta":
        textSeen = true;
        return stream("result", event.data.text, event.data.text);
      case "reasoning.end":
      case "text.end":
        return closeLine();
      case "step.completed": {
        const texts = textSeen === false ? event.data.messages.map(textOf).filter((text) => text !== "") : [];
        textSeen = null;
        const { leftOut = [], summary } = event.data;
        const notes = leftOut.map(({ what }) => `(not shown to the model: ${what})`);
        if (summary !== undefined) notes.push("(the older turns of the thread were summarised)");
        return [
          ...closeLine(),
          ...texts.map((text): Printed => ({ to: "result", text: `${text}\n` })),
          ...notes.flatMap((note) => line(paint("dim", note))),
        ];
      }
      case "step.discarded":
        textSeen = null;
        if (event.data.contextTokensMax !== undefined)
          return line(paint("yellow", "(the conversation is too long for the model; it is shown less of it)"));
        if (event.data.reason === "history") return line(paint("dim", "(the thread is summarised first)"));
        return line(paint("yellow", `(the step was cut short: ${event.data.reason})`));
      case "tool.requested": {
        const { toolName, args, target } = event.data;
        return line(
          `${paint("cyan", `-> ${toolName}`)} ${oneLine(args)} ${paint("dim", `[${target}, call ${event.data.callId}]`)}`,
        );
      }
      case "tool.awaiting_approval": {
        const approve = `npx hsafa approve ${event.runId} ${event.data.callId}`;
        return line(paint("yellow", `   waits for an approval: ${approve} (or --deny)`));
      }
      case "tool.approved":
        return line(paint("dim", `   approved by ${event.data.by}`));
      case "tool.dispatched":
        return event.data.attempt > 1 ? line(paint("yellow", `   sent again, attempt ${event.data.attempt}`)) : [];
      case "tool.completed":
        return line(`${paint("green", `<- ${event.data.toolName}`)} ${oneLine(event.data.result)}`);
      case "tool.failed":
        return line(
          paint("red", `<- ${event.data.toolName} failed: ${event.data.error.message} [${event.data.error.code}]`),
        );
      case "tool.expired":
        return line(paint("red", `<- ${event.data.toolName} did not answer in time`));
      case "tool.denied":
        return line(paint("red", `<- ${event.data.toolName} was denied: ${event.data.reason ?? "no reason given"}`));
      case "tool.progress":
        return line(paint("dim", `   ... ${oneLine(event.data.data)}`));
      case "run.waiting":
        return line(
          paint(
            "dim",
            `   waiting for ${event.data.callIds.length === 1 ? "it" : `${event.data.callIds.length} calls`}`,
          ),
        );
      case "run.recovered":
        return line(paint("yellow", "(the run was taken over after a crash and goes on)"));
      case "run.retrying": {
        const { attempt, error, nextAt } = event.data;
        return line(
          paint("yellow", `(attempt ${attempt} failed: ${error.message} [${error.code}]; the next at ${nextAt})`),
        );
      }
      case "run.completed": {
        const { finishReason, usage } = event.data;
        const isWhole = finishReason === undefined || isWholeAnswer(finishReason);
        const shown = isWhole
          ? paint("green", "completed")
          : paint("yellow", `completed, but the answer is not whole: it ended with '${finishReason}'`);
        return line(`${shown}${tokensOf(usage, paint)}`);
      }
      case "run.failed":
        return line(
          `${paint("red", `failed: ${event.data.error.message} [${event.data.error.code}]`)}${tokensOf(event.data.usage, paint)}`,
        );
      case "run.canceled":
        return line(
          `${paint("yellow", `canceled${event.data.reason === null ? "" : `: ${event.data.reason}`}`)}${tokensOf(event.data.usage, paint)}`,
        );
      default:
        // Other events say nothing more to a person. A newer gateway may send events that are unknown here.
        return [];
    }
  };
}

function tokensOf(usage: Usage, paint: Paint): string {
  const { inputTokens = 0, outputTokens = 0 } = usage;
  return paint("dim", ` (${inputTokens} tokens in, ${outputTokens} out)`);
}

/** Returns the text of a message. */
function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
}

function oneLine(value: JsonValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const clipped = text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...` : text;
  return clipped.replaceAll(/\s*\n\s*/g, " ");
}
