import type { RunStreamEvent } from "@hsafa/client";
import {
  type Citation,
  type Failure,
  isWholeAnswer,
  type LeftOut,
  type Message,
  type Source,
  type Usage,
} from "@hsafa/protocol";
import { ForeignStream } from "./foreign-stream.ts";
import { messageWords } from "./message-words.ts";
import { brief, lineEnd, own, type Shown, styled } from "./shown.ts";
import type { Output } from "./terminal.ts";

/** A piece of output. What the model says is the command's result; everything else is a note about it. */
export interface Printed {
  readonly to: Output;
  readonly shown: Shown;
}

/**
 * Turns a run's events into what a person reads. It remembers two things about the step in progress: whether a line is
 * open, and whether text came in deltas. The deltas of old runs may be compacted. Then the text of the finished step is
 * printed.
 *
 * `marksResult`: whether the model's words appear beside the notes, and must not look like them.
 */
export function createRunPrinter({
  marksResult,
}: {
  readonly marksResult: boolean;
}): (event: RunStreamEvent) => Printed[] {
  const streams: Readonly<Record<Output, ForeignStream>> = {
    result: new ForeignStream({ isMarked: marksResult }),
    notes: new ForeignStream({ isMarked: true }),
  };
  let open: Output | null = null;
  /** Whether the step in progress has shown text; null when its beginning was not seen. */
  let textSeen: boolean | null = null;
  /** Whether its answer is to be an object. Then the object with which the run ends is the result, and no text. */
  let isObject = false;

  function stream(to: Output, text: string): Printed[] {
    const before = open === to ? [] : closeLine();
    const pieces = streams[to].next(text);
    open = streams[to].isAtLineStart ? null : to;
    return [
      ...before,
      ...pieces.map((shown): Printed => ({ to, shown: to === "notes" ? styled("dim", shown) : shown })),
    ];
  }

  function closeLine(): Printed[] {
    if (open === null) return [];
    const to = open;
    open = null;
    return streams[to].end().map((shown) => ({ to, shown }));
  }

  function line(shown: Shown): Printed[] {
    return [...closeLine(), { to: "notes", shown: own`${shown}${lineEnd}` }];
  }

  function notShown(leftOut: readonly LeftOut[] = []): Printed[] {
    return leftOut.flatMap(({ what }) => line(styled("dim", own`(not shown to the model: ${what})`)));
  }

  return (event) => {
    switch (event.type) {
      case "message.user":
        return line(styled("dim", own`> ${brief(messageWords(event.data.message))}`));
      case "step.reused":
        return event.data.messages
          .map(textOf)
          .filter((text) => text !== "")
          .flatMap((text) => line(styled("dim", own`(reused) ${brief(text)}`)));
      case "tool.reused": {
        const { toolName, result = null, error } = event.data;
        const outcome = error === undefined ? brief(result) : own`${error.message} [${error.code}]`;
        return line(styled("dim", own`(reused) <- ${toolName} ${outcome}`));
      }
      case "step.started":
        textSeen = false;
        isObject = event.data.object === true;
        return [];
      case "reasoning.delta":
        return stream("notes", event.data.text);
      case "text.delta":
        textSeen = true;
        return isObject ? [] : stream("result", event.data.text);
      case "reasoning.end":
      case "text.end":
        return closeLine();
      case "provider.called": {
        const { toolName, args } = event.data;
        return line(own`${styled("cyan", own`~> ${toolName}`)} ${brief(args)} ${styled("dim", own`[provider]`)}`);
      }
      case "provider.answered": {
        const { toolName, failed } = event.data;
        return failed === true ? line(styled("red", own`<~ ${toolName} failed`)) : [];
      }
      case "step.completed": {
        const texts =
          textSeen === false && !isObject ? event.data.messages.map(textOf).filter((text) => text !== "") : [];
        textSeen = null;
        const { leftOut, summary, outputFault, sources = [], citations = [] } = event.data;
        return [
          ...closeLine(),
          ...texts.flatMap((text) => [...stream("result", text), ...closeLine()]),
          ...sources.flatMap((source, at) => [
            ...line(styled("dim", own`   source: ${namedSource(source)}`)),
            ...citations
              .filter(({ source: cited }) => cited === at)
              .flatMap((citation) =>
                line(styled("dim", own`     for: ${brief(citedIn(event.data.messages, citation))}`)),
              ),
          ]),
          ...notShown(leftOut),
          ...(outputFault === undefined ? [] : line(styled("yellow", own`(the answer does not fit: ${outputFault})`))),
          ...(summary === undefined ? [] : line(styled("dim", own`(the older turns of the thread were summarised)`))),
        ];
      }
      case "step.discarded": {
        textSeen = null;
        const { contextTokensMax, leftOut, reason } = event.data;
        if (contextTokensMax !== undefined)
          return line(styled("yellow", own`(the conversation is too long for the model; it is shown less of it)`));
        if (reason === "history") return line(styled("dim", own`(the thread is summarised first)`));
        return [...line(styled("yellow", own`(the step was cut short: ${reason})`)), ...notShown(leftOut)];
      }
      case "tool.requested": {
        const { callId, toolName, args, target } = event.data;
        const where = styled("dim", own`[${target}, call ${callId}]`);
        return line(own`${styled("cyan", own`-> ${toolName}`)} ${brief(args)} ${where}`);
      }
      case "tool.awaiting_approval": {
        const approve = own`npx hsafa approve ${event.runId} ${event.data.callId}`;
        return line(styled("yellow", own`   waits for an approval: ${approve} (or --deny)`));
      }
      case "tool.approved":
        return line(styled("dim", own`   approved by ${event.data.by}`));
      case "tool.dispatched":
        if (event.data.sleeps === true) return line(styled("dim", own`   sleeps until ${event.data.deadline ?? ""}`));
        if (event.data.child !== undefined)
          return line(styled("dim", own`   taken by the run ${event.data.child.runId}`));
        return event.data.attempt > 1 ? line(styled("yellow", own`   sent again, attempt ${event.data.attempt}`)) : [];
      case "child.ended":
        return line(
          styled("dim", own`   the run ${event.data.childRunId} is ${event.data.status}${tokensOf(event.data.usage)}`),
        );
      case "tool.completed":
        return line(own`${styled("green", own`<- ${event.data.toolName}`)} ${brief(event.data.result)}`);
      case "tool.failed": {
        const { toolName, error } = event.data;
        return line(styled("red", own`<- ${toolName} failed: ${error.message} [${error.code}]`));
      }
      case "tool.expired":
        return line(styled("red", own`<- ${event.data.toolName} ${expiryOf(event.data.error)}`));
      case "tool.denied": {
        const { toolName, by, reason } = event.data;
        const denied = by === undefined ? own`was denied` : own`was denied by ${by}`;
        return line(styled("red", own`<- ${toolName} ${denied}: ${reason ?? "no reason given"}`));
      }
      case "tool.progress":
        return line(styled("dim", own`   ... ${brief(event.data.data)}`));
      case "stream.rewound": {
        const what = own`(the database was restored: what was shown of the run is void, here it is anew)`;
        return line(styled("yellow", what));
      }
      case "run.waiting": {
        const { length } = event.data.callIds;
        return line(styled("dim", own`   waiting for ${length === 1 ? own`it` : own`${length} calls`}`));
      }
      case "run.recovered":
        return line(styled("yellow", own`(the run was taken over after a crash and goes on)`));
      case "run.retrying": {
        const { attempt, error, nextAt } = event.data;
        return line(
          styled("yellow", own`(attempt ${attempt} failed: ${error.message} [${error.code}]; the next at ${nextAt})`),
        );
      }
      case "run.completed": {
        const { finishReason, output, usage } = event.data;
        const object = typeof output === "string" ? [] : stream("result", JSON.stringify(output, null, 2));
        const isWhole = finishReason === undefined || isWholeAnswer(finishReason);
        const outcome = isWhole
          ? styled("green", own`completed`)
          : styled("yellow", own`completed, but the answer is not whole: it ended with '${finishReason}'`);
        return [...object, ...line(own`${outcome}${tokensOf(usage)}`)];
      }
      case "run.failed": {
        const { error, usage } = event.data;
        return line(own`${styled("red", own`failed: ${error.message} [${error.code}]`)}${tokensOf(usage)}`);
      }
      case "run.merged":
        return line(styled("dim", own`(the message has entered the run ${event.data.into})`));
      case "run.canceled": {
        const { reason, usage } = event.data;
        const outcome = reason === null ? own`canceled` : own`canceled: ${reason}`;
        return line(own`${styled("yellow", outcome)}${tokensOf(usage)}`);
      }
      default:
        // Other events say nothing more to a person. A newer gateway may send events that are unknown here.
        return [];
    }
  };
}

/** Records of earlier versions do not say whether the call had left. */
function expiryOf(error: Failure | undefined): Shown {
  return error === undefined ? own`did not answer in time` : own`expired: ${error.message} [${error.code}]`;
}

/** The passage of the step's texts that is cited. */
function citedIn(messages: readonly Message[], { text, start, end }: Citation): string {
  const texts = messages.flatMap(({ content }) =>
    typeof content === "string" ? [content] : content.flatMap((part) => (part.type === "text" ? [part.text] : [])),
  );
  return (texts[text] ?? "").slice(start, end);
}

function namedSource(source: Source): Shown {
  if (source.type === "document") return own`${source.title} (${source.mediaType})`;
  return source.title === undefined ? own`${source.url}` : own`${source.title} ${source.url}`;
}

function tokensOf(usage: Usage): Shown {
  const { inputTokens = 0, outputTokens = 0, costUsd } = usage;
  const cost = costUsd === undefined ? own`` : own`, $${costUsd}`;
  return styled("dim", own` (${inputTokens} tokens in, ${outputTokens} out${cost})`);
}

/** Returns the text of a message. */
function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
}
