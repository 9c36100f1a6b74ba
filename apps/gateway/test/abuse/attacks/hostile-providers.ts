import { type Attack, repeat } from "../attack.ts";
import { EMPTY_PARTS_MODEL, ECHO_MODEL } from "../hostile-provider.ts";

export const echoedFailures: Attack = {
  name: "a provider that repeats its input in an error",
  does: "runs fail with an error of 200 kB",
  async run(client, signal) {
    await client.push("echoed", { model: `openai-compatible/${ECHO_MODEL}`, retry: { maxAttempts: 1 } });
    await repeat(2, signal, async () => {
      await client.start("echoed", { input: "model ".repeat(34_000) });
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
  },
};

export const emptyParts: Attack = {
  name: "steps of empty parts",
  does: "a model opens and closes parts without a character, for ever",
  async run(client, signal) {
    await client.push("empty", { model: `openai-compatible/${EMPTY_PARTS_MODEL}` });
    await client.start("empty");
    await client.start("empty");
    await repeat(1, signal, () => new Promise((resolve) => setTimeout(resolve, 100)));
  },
};

const WATCHERS = 300;

export const unreadStreams: Attack = {
  name: "watchers that do not read",
  does: "300 watchers join a fast run and read nothing",
  async run(client, signal) {
    const say = "word ".repeat(200_000);
    const script = [[{ say, everyMs: 1 }]];
    await client.push("fast", { model: "demo/script", settings: { providerOptions: { demo: { script } } } });
    const runId = await client.start("fast");
    let watchers = 0;
    await repeat(4, signal, async () => {
      watchers += 1;
      if (watchers <= WATCHERS) client.askUnread(`/api/runs/${runId ?? "none"}/stream`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    });
  },
};
