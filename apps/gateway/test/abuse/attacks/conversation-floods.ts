import { type Attack, repeat } from "../attack.ts";

const INPUT_CHARACTERS = 900_000;
/** The position of the first message of a run. */
const FIRST_MESSAGE = "2-0";

export const longForks: Attack = {
  name: "forks of a long conversation",
  does: "forks a run with 1 MB of conversation again and again",
  async run(client, signal) {
    await client.push("forked", { model: "demo/echo" });
    const runId = await client.start("forked", { input: "f".repeat(INPUT_CHARACTERS) });
    await repeat(4, signal, async () => {
      await client.call("POST", `/api/runs/${runId ?? "none"}/fork`, { position: FIRST_MESSAGE });
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
  },
};

export const longThreads: Attack = {
  name: "a thread of large messages",
  does: "says 1 MB after the other on one thread, and asks for all of it without reading",
  async run(client, signal) {
    await client.push("talker", { model: "demo/echo" });
    const { text } = await client.call("POST", "/api/threads", { key: "long" });
    const { id } = JSON.parse(text) as { id: string };
    const input = "t".repeat(INPUT_CHARACTERS);
    await repeat(3, signal, async () => {
      await client.start("talker", { threadId: id, input });
      client.askUnread(`/api/threads/${id}/messages?limit=200`);
      await client.call("GET", `/api/threads/${id}/messages?limit=200`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
  },
};

export const interruptions: Attack = {
  name: "messages that interrupt and steer",
  does: "interrupts and steers the run of one thread without pause",
  async run(client, signal) {
    const script = [[{ say: "word ".repeat(10_000), everyMs: 1 }]];
    await client.push("interrupted", { model: "demo/script", settings: { providerOptions: { demo: { script } } } });
    const { text } = await client.call("POST", "/api/threads", { key: "busy" });
    const { id } = JSON.parse(text) as { id: string };
    let said = 0;
    await repeat(4, signal, () => {
      said += 1;
      return client.start("interrupted", { threadId: id, policy: said % 2 === 0 ? "interrupt" : "steer" });
    });
  },
};
