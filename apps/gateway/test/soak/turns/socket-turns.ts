import { randomUUID } from "node:crypto";
import { CLOSE_CODES } from "@hsafa/protocol";
import { RawDevice } from "../../support/raw-device.ts";
import { must, type Turn } from "../turn.ts";
import type { SoakWorld } from "../soak-world.ts";

const READ = { name: "read", description: "reads", inputSchema: { type: "object" } };

async function connect(world: SoakWorld, deviceKey: string, bootId: string): Promise<RawDevice> {
  const device = new RawDevice(`${world.url().replace("http", "ws")}/devices/connect`);
  await device.register({ token: world.key, deviceKey, bootId, tools: [READ], labels: { place: deviceKey } });
  must(device.closedWith === null, `a device was closed with ${device.closedWith?.code}: ${device.closedWith?.reason}`);
  return device;
}

async function beat(device: RawDevice): Promise<void> {
  const before = device.all("pong").length;
  device.send({ type: "ping" });
  await device.next("pong", before + 1);
}

/** Leaves in good order, or as a machine does whose network has gone. */
async function leave(world: SoakWorld, device: RawDevice): Promise<void> {
  if (world.random() < 0.5) device.socket.close();
  else device.socket.terminate();
  await device.closed();
}

export const SOCKET_TURNS: readonly Turn[] = [
  {
    name: "devices that come, are taken over, and go",
    weight: 8,
    async play(world) {
      const deviceKey = randomUUID();
      const first = await connect(world, deviceKey, "boot-1");
      const { deviceId } = await first.next("device.registered");
      await beat(first);
      const second = await connect(world, deviceKey, "boot-2");
      must((await first.closed()).code === CLOSE_CODES.replaced, "a device that was taken over was not told so");
      await beat(second);
      second.send({ type: "auth.refresh", token: world.key });
      await leave(world, second);
      await leave(world, await connect(world, deviceKey, "boot-2"));
      await world.client().devices.delete(deviceId);
    },
  },
  {
    name: "calls to devices that come back",
    weight: 4,
    async play(world) {
      const deviceKey = randomUUID();
      const { runId } = await world.client().runs.start({ agent: "reader", input: "read", deviceKey });
      const first = await connect(world, deviceKey, "boot-1");
      const { callId } = await first.next("tool.call.request");
      first.send({ type: "tool.accepted", callId });
      await leave(world, first);
      const second = await connect(world, deviceKey, "boot-1");
      await second.next("tool.call.request");
      second.send({ type: "tool.progress", callId, data: { half: true } });
      second.send({ type: "tool.result", callId, result: { text: "what was read" } });
      await second.next("tool.result.ack");
      const { status } = await world.client().runs.wait(runId);
      must(status === "completed", `a run whose device came back is ${status}`);
      const { deviceId } = await second.next("device.registered");
      await leave(world, second);
      await world.client().devices.delete(deviceId);
    },
  },
  {
    name: "watch sockets",
    weight: 8,
    async play(world) {
      const runs = await Promise.all(
        ["echo", "talker", "echo"].map((agent) => world.client().runs.start({ agent, input: "watched words" })),
      );
      const ended = new Set<string>();
      // It speaks another protocol than a device's, and has another name for each message.
      const watcher = new RawDevice(`${world.url().replace("http", "ws")}/api/watch`, []);
      watcher.socket.on("message", (data: Buffer) => {
        const message = JSON.parse(data.toString()) as { readonly type: string; readonly runId?: string };
        if (message.type === "ended" && message.runId !== undefined) ended.add(message.runId);
      });
      await watcher.open();
      watcher.send({ type: "auth", token: world.key });
      for (const { runId } of runs) watcher.send({ type: "subscribe", runId });
      await watcher.until(() => ended.size === runs.length || watcher.closedWith !== null);
      must(ended.size === runs.length, `a watch socket was closed with ${watcher.closedWith?.code}`);
      await leave(world, watcher);
    },
  },
  {
    name: "runs on a watch socket that stays",
    weight: 6,
    async play(world) {
      const { runId } = await world.client().runs.start({ agent: "talker", input: "watched words" });
      const { faults, record } = await world.watch().follow(runId);
      must(faults.length === 0, faults.join("; "));
      must(record.at(-1)?.type === "run.completed", `a watched run ended with ${record.at(-1)?.type}`);
    },
  },
];
