/** Conversations of every kind, sound or broken, for tests of dialects. */
import type {
  AssistantPart,
  Fact,
  InputMessage,
  JsonValue,
  Message,
  ProviderOptions,
  UserMessage,
} from "@hsafa/protocol";
import fc from "fast-check";
import type { Origin } from "../../src/adapters/ai-sdk/dialects/origin.ts";
import { threadEntriesOf, transcriptOf } from "../../src/core/transcript.ts";

/** A picture of one point. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** The signature of a model. Its name and account stand in it, so a check sees whose it is. */
export function signatureOf({ model, account }: Origin): string {
  return `signed:${model}:${account}`;
}

const text = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      "",
      " ",
      "\n\n",
      "\t",
      "hello",
      "ends in space ",
      "half \ud83d",
      "\udc00 other half",
      "😀",
    ),
    weight: 5,
  },
  fc.string({ maxLength: 12 }),
);
const json: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>({}, null, "", 3, [1], { q: "x" }, { "\ud83d": "\ud83d" }, "not an object"),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
);
/** Few ids, so that they repeat; some that providers refuse. */
const callId = fc.constantFrom(
  "c1",
  "c2",
  "call_1",
  "toolu 1",
  "x".repeat(80),
  "",
  "019abc00-0000-7000-8000-000000000001",
);
const toolName = fc.constantFrom(
  "look",
  "functions.look",
  "1st",
  "",
  "emoji😀",
  "\ud83d",
  "a b",
  "n".repeat(100),
  "-dash",
);

const file = fc.constantFrom(
  { type: "file" as const, data: PIXEL, mediaType: "image/png" },
  { type: "file" as const, data: "no base64!", mediaType: "image/png" },
  { type: "file" as const, data: "JVBERi0xLjQK", mediaType: "application/pdf", filename: "a.pdf" },
  { type: "file" as const, data: "aGVsbG8=", mediaType: "text/plain" },
  { type: "file" as const, data: "aGVsbG8=", mediaType: "application/zip", filename: "half \ud83d" },
  { type: "file" as const, data: "https://example.com/a.pdf", mediaType: "application/pdf" },
);
const image = fc.constantFrom(
  { type: "image" as const, image: PIXEL },
  { type: "image" as const, image: `data:image/png;base64,${PIXEL}` },
  { type: "image" as const, image: "AAAA" },
  { type: "image" as const, image: "https://example.com/a.png" },
  { type: "image" as const, image: "file:///etc/passwd", mediaType: "image/png" },
);

const userMessage: fc.Arbitrary<UserMessage> = fc.oneof(
  text.map((content) => ({ role: "user" as const, content })),
  fc
    .array(
      fc.oneof(
        text.map((said) => ({ type: "text" as const, text: said })),
        image,
        file,
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((content) => ({ role: "user" as const, content })),
);

/** What providers add to a part, as their packages hand it over, with the origin that hsafa adds. */
function addedBy(origin: Origin): fc.Arbitrary<ProviderOptions | undefined> {
  const signature = signatureOf(origin);
  const stamp = fc.constantFrom<ProviderOptions>(
    { hsafa: { ...origin, callId: "call_1" } },
    { hsafa: { ...origin } },
    { hsafa: { provider: origin.provider, callId: "abc123DEF" } },
    {},
  );
  const addition = fc.constantFrom<ProviderOptions>(
    {},
    { anthropic: { signature } },
    { anthropic: { signature: "" } },
    { anthropic: { redactedData: signature } },
    { openai: { itemId: "rs_1", reasoningEncryptedContent: signature } },
    { openai: { itemId: "rs_1", reasoningEncryptedContent: null } },
    { xai: { itemId: "rs_1", reasoningEncryptedContent: signature } },
    { google: { thoughtSignature: signature } },
    { "openai-compatible": { thoughtSignature: signature } },
  );
  return fc.oneof(
    fc.constant(undefined),
    fc.tuple(stamp, addition).map(([one, other]) => ({ ...one, ...other })),
  );
}

function assistantContent(origin: Origin): fc.Arbitrary<AssistantPart[]> {
  const part = fc.oneof(
    text.map((said): AssistantPart => ({ type: "text", text: said })),
    text.map((said): AssistantPart => ({ type: "reasoning", text: said })),
    fc
      .tuple(callId, toolName, json)
      .map(([toolCallId, name, input]): AssistantPart => ({ type: "tool-call", toolCallId, toolName: name, input })),
    file,
  );
  const added = fc
    .tuple(part, addedBy(origin))
    .map(
      ([one, providerOptions]): AssistantPart => (providerOptions === undefined ? one : { ...one, providerOptions }),
    );
  return fc
    .tuple(fc.array(added, { maxLength: 4 }), fc.option(providerParts(origin), { nil: [], freq: 3 }), fc.nat(4))
    .map(([parts, searched, at]) => [...parts.slice(0, at), ...searched, ...parts.slice(at)]);
}

/** A search that a provider made by itself, with its result, or cut before it. */
function providerParts(origin: Origin): fc.Arbitrary<AssistantPart[]> {
  return fc.tuple(fc.uuid(), fc.boolean(), fc.boolean()).map(([id, hasResult, isStamped]): AssistantPart[] => {
    const stamp = { hsafa: { ...origin, callId: `srv_${id}` } };
    const about = { toolCallId: id, toolName: "web_search", ...(isStamped ? { providerOptions: stamp } : {}) };
    const found = { url: "https://example.com/", title: "half \ud83d", type: "web_search_result", pageAge: null };
    const value =
      origin.provider === "openai"
        ? { action: { type: "search", query: "q" }, sources: [{ type: "url", url: "https://example.com/" }] }
        : [{ ...found, encryptedContent: signatureOf(origin) }];
    const call: AssistantPart = { type: "tool-call", input: { query: "q" }, providerExecuted: true, ...about };
    return hasResult ? [call, { type: "tool-result", output: { type: "json", value }, ...about }] : [call];
  });
}

/** One run of a thread, cut anywhere, with calls that were answered, denied, forgotten, or never asked for. */
function runFacts(origin: Origin): fc.Arbitrary<Fact[]> {
  const earlier: fc.Arbitrary<InputMessage[]> = fc.array(
    fc.oneof(
      userMessage,
      text.map((content) => ({ role: "assistant" as const, content })),
    ),
    { maxLength: 2 },
  );
  const settled = fc.tuple(callId, toolName, json, fc.nat(4)).map(([id, name, result, kind]): Fact[] => {
    const data = { callId: id, toolName: name };
    const ends: readonly Fact[][] = [
      [{ type: "tool.completed", data: { ...data, result, source: "http" } }],
      [{ type: "tool.failed", data: { ...data, error: { code: "x", message: "" } } }],
      [{ type: "tool.expired", data }],
      [{ type: "tool.denied", data: { ...data, reason: "half \ud83d" } }],
      [],
    ];
    return ends[kind] ?? [];
  });
  const completed = fc
    .tuple(assistantContent(origin), fc.array(settled, { maxLength: 3 }), fc.boolean())
    .map(([content, ends, isAsked]): Fact[] => [
      {
        type: "step.completed",
        data: { step: 1, finishReason: "stop", messages: [{ role: "assistant", content }], usage: {} },
      },
      ...content.flatMap((part): Fact[] =>
        part.type === "tool-call" && part.providerExecuted !== true && isAsked
          ? [
              {
                type: "tool.requested",
                data: {
                  callId: part.toolCallId,
                  toolName: part.toolName,
                  args: part.input,
                  target: "external",
                  step: 1,
                },
              },
            ]
          : [],
      ),
      ...ends.flat(),
    ]);
  const step = fc.oneof(
    completed,
    text.map((partial): Fact[] => [{ type: "step.discarded", data: { step: 1, reason: "cancel", partial } }]),
    fc.constant<Fact[]>([{ type: "step.discarded", data: { step: 1, reason: "crash" } }]),
    userMessage.map((message): Fact[] => [{ type: "message.user", data: { message } }]),
  );
  return fc
    .tuple(earlier, fc.array(userMessage, { maxLength: 2 }), fc.array(step, { maxLength: 3 }))
    .map(([before, messages, steps]) => [
      {
        type: "run.created",
        data: { agentId: "a", versionId: "v", threadId: "t", earlier: before, deviceKey: null, metadata: {} },
      },
      ...messages.map((message): Fact => ({ type: "message.user", data: { message } })),
      ...steps.flat(),
    ]);
}

/** The conversation of a thread whose runs were made by any of these models. */
export function anyConversation(origins: readonly Origin[]): fc.Arbitrary<Message[]> {
  const run = fc.constantFrom(...origins).chain(runFacts);
  const ofThread = fc.array(run, { minLength: 1, maxLength: 4 }).map((runs) =>
    runs.flatMap((facts) =>
      transcriptOf(facts)
        .flatMap(threadEntriesOf)
        .map(({ message }) => message),
    ),
  );
  // Not even the order of results is given.
  return fc.oneof(
    { arbitrary: ofThread, weight: 4 },
    ofThread.chain((messages) => fc.shuffledSubarray(messages)),
  );
}
