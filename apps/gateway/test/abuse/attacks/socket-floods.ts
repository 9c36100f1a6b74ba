import { WebSocket } from "ws";
import { type Attack, repeat } from "../attack.ts";
import type { HostileClient } from "../hostile-client.ts";

const LARGE_RESULT = { type: "tool.result", callId: "01900000-0000-7000-8000-000000000000" };
const EMPTY_LISTS = 330_000;

/** Sends one message again and again; opens the socket anew when the gateway closes it. */
function flood(open: () => Promise<WebSocket | undefined>, text: string): Flood {
  return async (client, signal) => {
    let socket = await open();
    await repeat(1, signal, async () => {
      if (socket?.readyState === WebSocket.OPEN) return client.say(socket, text);
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket = await open();
    });
  };
}
type Flood = (client: HostileClient, signal: AbortSignal) => Promise<void>;

export const pings: Attack = {
  name: "pings of a device",
  does: "one device sends pings as fast as they are taken",
  run: (client, signal) => flood(() => client.openDevice("flood-pings"), '{"type":"ping"}')(client, signal),
};

export const refreshes: Attack = {
  name: "credentials of a watcher",
  does: "one watch socket renews its credential as fast as it is taken",
  run(client, signal) {
    const open = async (): Promise<WebSocket | undefined> => {
      const socket = await client.openWebSocket("/api/watch");
      socket?.send(JSON.stringify({ type: "auth", token: client.key }));
      return socket;
    };
    return flood(open, JSON.stringify({ type: "auth.refresh", token: client.key }))(client, signal);
  },
};

export const largeResults: Attack = {
  name: "results of calls that a device never had",
  does: "one device sends results of 1 MB for unknown calls",
  run(client, signal) {
    const result = Array.from({ length: EMPTY_LISTS }, () => []);
    return flood(() => client.openDevice("flood-results"), JSON.stringify({ ...LARGE_RESULT, result }))(client, signal);
  },
};

const STRANGERS = 4000;

export const strangers: Attack = {
  name: "sockets of strangers",
  does: "4,000 sockets connect and say nothing",
  async run(client, signal) {
    let opened = 0;
    await repeat(32, signal, async () => {
      opened += 1;
      if (opened <= STRANGERS) await client.openWebSocket("/devices/connect", "hsafa.device.v1");
      else await new Promise((resolve) => setTimeout(resolve, 100));
    });
  },
};
