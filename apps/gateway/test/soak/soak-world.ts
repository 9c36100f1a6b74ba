import { type Client, createClient, createDevice, type Device } from "@hsafa/client";
import { createOperator, type Operator } from "@hsafa/client/operator";
import type { AgentConfigInput, JsonValue } from "@hsafa/protocol";
import { openWatchSocket, type WatchSocket } from "../chaos/watch-socket.ts";
import type { SoakTarget } from "./soak-target.ts";

/** What the turns of a soak use. */
export interface SoakWorld {
  readonly key: string;
  readonly random: () => number;
  /** The URL of any gateway. */
  url(): string;
  /** A client of any gateway, with the operator's key unless another credential is given. */
  client(token?: string): Client;
  operator(): Operator;
  /** The key of a device that stays connected. */
  deviceKey(): string;
  /** A watch socket that stays open, to any gateway. */
  watch(): WatchSocket;
  close(): void;
}

const DEVICES = 6;
const ANY_OBJECT = { type: "object" } as const;

/** Agents of the soak, by their names. */
export const SOAK_AGENTS = ["echo", "talker", "reader", "asker", "payer", "silent"] as const;
export type SoakAgent = (typeof SOAK_AGENTS)[number];

/** Pushes the agents, and connects the devices that stay. */
export async function openSoakWorld(target: SoakTarget, random: () => number): Promise<SoakWorld> {
  const { urls, key } = target;
  const pick = <T>(list: readonly T[]): T => {
    const one = list[Math.floor(random() * list.length)];
    if (one === undefined) throw new Error("there is nothing to choose from");
    return one;
  };
  const clients = urls.map((url) => createClient({ url, token: key }));
  const operators = urls.map((url) => createOperator({ url, token: key }));
  for (const config of agents(target.toolUrl)) {
    await clients[0]?.agents.push({ name: config.name, config });
  }
  const devices: Device[] = Array.from({ length: DEVICES }, (_, index) =>
    createDevice({
      url: urls[index % urls.length] ?? "",
      token: key,
      deviceKey: `stays-${index}`,
      tools: {
        read: {
          inputSchema: ANY_OBJECT,
          execute: (_args, { progress }) => {
            progress({ half: true });
            return { text: "what was read ".repeat(20) };
          },
        },
      },
    }),
  );
  await Promise.all(devices.map((device) => device.whenOnline()));
  const watchSockets = urls.map((url) => openWatchSocket({ url, apiKey: key, silenceMaxMs: 10_000 }));
  return {
    key,
    random,
    url: () => pick(urls),
    client: (token) => (token === undefined ? pick(clients) : createClient({ url: pick(urls), token })),
    operator: () => pick(operators),
    deviceKey: () => pick(devices).deviceKey,
    watch: () => pick(watchSockets),
    close() {
      for (const device of devices) device.close();
    },
  };
}

function agents(toolUrl: string): (AgentConfigInput & { readonly name: SoakAgent })[] {
  const script = (...steps: readonly JsonValue[]) => ({ providerOptions: { demo: { script: steps } } });
  const calling = (tool: string) =>
    script([{ say: "Let me see." }, { call: tool, args: { path: "a" } }], [{ say: "It says: {{results}}" }]);
  return [
    { name: "echo", model: "demo/echo" },
    {
      name: "talker",
      model: "demo/script",
      settings: script([{ think: "I think." }, { repeat: 80, parts: [{ say: "word {{n}} ", everyMs: 2 }] }]),
    },
    {
      name: "reader",
      model: "demo/script",
      settings: calling("read"),
      tools: [{ name: "read", inputSchema: ANY_OBJECT, device: { select: "origin" } }],
    },
    {
      name: "asker",
      model: "demo/script",
      settings: calling("ask"),
      tools: [{ name: "ask", inputSchema: ANY_OBJECT, target: "external" }],
    },
    {
      name: "payer",
      model: "demo/script",
      settings: calling("pay"),
      tools: [
        {
          name: "pay",
          inputSchema: ANY_OBJECT,
          approval: "always",
          server: { type: "http", url: `${toolUrl}/pay`, method: "POST" },
        },
      ],
    },
    { name: "silent", model: "demo/script", settings: script([{ say: "Well" }, { hang: true }]) },
  ];
}
