/** A Redis that answers PING and refuses to serve, for each of the reasons that it gives by a code. */
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { until } from "../support/until.ts";
import { startPrivateRedis } from "./redis-server.ts";
import type { ThrowawayServer } from "./throwaway-server.ts";

export interface RefusingRedis {
  readonly url: string;
  /** From now on it refuses; it serves at first. */
  refuse(): Promise<void>;
  /** It serves again. */
  serve(): Promise<void>;
  remove(): Promise<void>;
}

export interface RedisRefusal {
  /** What Redis says, and why. */
  readonly says: string;
  readonly because: string;
  start(): Promise<RefusingRedis>;
}

/** Sends one command on a connection of its own. */
export async function askRedis(url: string, ...command: string[]): Promise<unknown> {
  const client = await createClient({ url }).connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

/** What Redis says to a write. */
const writeTo = (url: string): Promise<string> => askRedis(url, "SET", "a", "b").then(String, String);

/** A refusal that one command brings about, and one ends. */
function byCommand(
  says: string,
  because: string,
  refusal: { readonly refuse: readonly string[]; readonly serve: readonly string[] },
): RedisRefusal {
  return {
    says,
    because,
    async start() {
      const server = await startPrivateRedis();
      return {
        url: server.url,
        refuse: async () => void (await askRedis(server.url, ...refusal.refuse)),
        serve: async () => void (await askRedis(server.url, ...refusal.serve)),
        remove: () => server.remove(),
      };
    },
  };
}

/** A snapshot that cannot be saved: a folder has the place of its file. Root may write to any folder. */
async function startUnsaved(): Promise<RefusingRedis> {
  const server = await startPrivateRedis();
  const { url } = server;
  const { dir } = (await askRedis(url, "CONFIG", "GET", "dir")) as { readonly dir: string };
  const file = join(dir, "dump.rdb");
  const saveUntilWritesSay = async (word: string): Promise<void> => {
    await askRedis(url, "CONFIG", "SET", "save", "3600 1");
    await askRedis(url, "BGSAVE");
    await until(`a write is answered by ${word}`, async () => (await writeTo(url)).includes(word));
  };
  return {
    url,
    async refuse() {
      await mkdir(join(file, "in-the-way"), { recursive: true });
      await saveUntilWritesSay("MISCONF");
    },
    async serve() {
      await rm(file, { recursive: true });
      await saveUntilWritesSay("OK");
    },
    remove: () => server.remove(),
  };
}

/** A server that reads a snapshot of 2000 keys, each for 10 ms. */
async function startLoading(): Promise<RefusingRedis> {
  const settings = ["--enable-debug-command", "local", "--loading-process-events-interval-bytes", "1024"];
  const server = await startPrivateRedis({ settings });
  const { url } = server;
  let reload: Promise<unknown> | null = null;
  return {
    url,
    async refuse() {
      await askRedis(url, "DEBUG", "POPULATE", "2000", "filling", "1500");
      await askRedis(url, "CONFIG", "SET", "key-load-delay", "10000");
      reload = askRedis(url, "DEBUG", "RELOAD").catch(String);
      await until("Redis loads", async () => (await writeTo(url)).includes("LOADING"));
    },
    async serve() {
      await askRedis(url, "CONFIG", "SET", "key-load-delay", "0");
      await reload;
    },
    async remove() {
      await server.stop("SIGKILL");
      await server.remove();
      await reload;
    },
  };
}

/**
 * A cluster that says that it is none, as a proxy in front of one does. A cluster that says so is refused otherwise.
 * `refuse` gets an id of another node.
 */
async function startHiddenCluster(change: {
  readonly refuse: (url: string, otherNode: string) => Promise<unknown>;
  readonly serve: (url: string) => Promise<unknown>;
  readonly code: string;
}): Promise<RefusingRedis> {
  // A cluster that was down waits for its node timeout until it serves again.
  const settings = ["--cluster-enabled", "yes", "--cluster-allow-replica-migration", "no"];
  settings.push("--cluster-node-timeout", "1000");
  const [node, other] = await Promise.all([startPrivateRedis({ settings }), startPrivateRedis({ settings })]);
  const proxy = await startModeProxy(node);
  const { url } = node;
  await askRedis(url, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await askRedis(url, "CLUSTER", "MEET", "127.0.0.1", new URL(other.url).port);
  const otherNode = String(await askRedis(other.url, "CLUSTER", "MYID"));
  const knowsOther = async (): Promise<boolean> => {
    const line = String(await askRedis(url, "CLUSTER", "NODES"))
      .split("\n")
      .find((one) => one.startsWith(otherNode));
    return line?.includes(" connected") === true && !line.includes("handshake");
  };
  await until("the nodes know each other", async () => (await knowsOther()) && (await writeTo(url)) === "OK");
  return {
    url: proxy.url,
    async refuse() {
      // A slot that has keys cannot be given away, and gateways go on writing.
      await askRedis(url, "CLUSTER", "DELSLOTSRANGE", "0", "16383");
      await askRedis(url, "FLUSHALL");
      await change.refuse(url, otherNode);
      await until(`Redis says ${change.code}`, async () => (await writeTo(url)).includes(change.code));
    },
    async serve() {
      await change.serve(url);
      await until("the cluster serves", async () => (await writeTo(url)) === "OK");
    },
    async remove() {
      await proxy.close();
      await Promise.all([node.remove(), other.remove()]);
    },
  };
}

async function giveAllSlots(url: string, node: string): Promise<void> {
  const client = await createClient({ url }).connect();
  try {
    await Promise.all(
      Array.from({ length: 16_384 }, (_, slot) => client.sendCommand(["CLUSTER", "SETSLOT", `${slot}`, "NODE", node])),
    );
  } finally {
    client.destroy();
  }
}

/** Passes everything on, but the word with which a server says that it belongs to a cluster. */
async function startModeProxy(server: ThrowawayServer): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { port } = new URL(server.url);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), "127.0.0.1");
    client.on("error", () => {}).on("close", () => upstream.destroy());
    upstream.on("error", () => {}).on("close", () => client.destroy());
    client.pipe(upstream);
    upstream.on("data", (bytes: Buffer) => {
      const text = bytes.toString("latin1").replace("mode\r\n$7\r\ncluster\r\n", "mode\r\n$10\r\nstandalone\r\n");
      client.write(text, "latin1");
    });
    sockets.add(client);
    client.on("close", () => sockets.delete(client));
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  return {
    url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}

export const REDIS_REFUSALS: readonly RedisRefusal[] = [
  byCommand("READONLY", "it is a replica", {
    refuse: ["REPLICAOF", "127.0.0.1", "1"],
    serve: ["REPLICAOF", "NO", "ONE"],
  }),
  byCommand("OOM", "its memory is full", {
    refuse: ["CONFIG", "SET", "maxmemory", "1"],
    serve: ["CONFIG", "SET", "maxmemory", "0"],
  }),
  byCommand("NOREPLICAS", "it has too few replicas", {
    refuse: ["CONFIG", "SET", "min-replicas-to-write", "1"],
    serve: ["CONFIG", "SET", "min-replicas-to-write", "0"],
  }),
  // Within a script Redis says it without its code.
  byCommand("can't run this command", "the user may not append", {
    refuse: ["ACL", "SETUSER", "default", "-xadd"],
    serve: ["ACL", "SETUSER", "default", "+xadd"],
  }),
  byCommand("NOPERM", "the user may not read", {
    refuse: ["ACL", "SETUSER", "default", "-xrange"],
    serve: ["ACL", "SETUSER", "default", "+xrange"],
  }),
  { says: "MISCONF", because: "a snapshot failed", start: startUnsaved },
  { says: "LOADING", because: "it reads its snapshot", start: startLoading },
  {
    says: "CLUSTERDOWN",
    because: "nobody has the slots of its cluster",
    start: () =>
      startHiddenCluster({
        code: "CLUSTERDOWN",
        refuse: () => Promise.resolve(),
        serve: (url) => askRedis(url, "CLUSTER", "ADDSLOTSRANGE", "0", "16383"),
      }),
  },
  {
    says: "MOVED",
    because: "another node of its cluster has the slots",
    start: () =>
      startHiddenCluster({
        code: "MOVED",
        refuse: giveAllSlots,
        serve: async (url) => giveAllSlots(url, String(await askRedis(url, "CLUSTER", "MYID"))),
      }),
  },
];
