import { randomUUID } from "node:crypto";
import type { Client, RunStreamEvent } from "@hsafa/client";
import { isTerminalType } from "@hsafa/protocol";
import type { SoakAgent, SoakWorld } from "../soak-world.ts";
import { must, type Turn } from "../turn.ts";

const INPUT = "several words of somebody who asks for something";

interface Followed {
  readonly last: RunStreamEvent["type"] | "nothing";
}

/** Follows a run to its end. `onEvent` may do something about each event. */
async function follow(
  client: Client,
  runId: string,
  onEvent?: (event: RunStreamEvent) => Promise<unknown> | undefined,
): Promise<Followed> {
  let last: Followed["last"] = "nothing";
  for await (const event of client.runs.stream(runId)) {
    // A model says something of a call that failed, and its run completes.
    must(event.type !== "tool.failed" && event.type !== "tool.expired", `a call failed: ${JSON.stringify(event.data)}`);
    last = event.type;
    await onEvent?.(event);
  }
  return { last };
}

function mustComplete({ last }: Followed): void {
  must(last === "run.completed", `the run ended with ${last}`);
}

/** Starts a run and follows it, on any gateway each. */
async function play(
  world: SoakWorld,
  agent: SoakAgent,
  params: { readonly deviceKey?: string; readonly threadId?: string } = {},
  onEvent?: (event: RunStreamEvent, runId: string) => Promise<unknown> | undefined,
): Promise<Followed> {
  const { runId } = await world.client().runs.start({ agent, input: INPUT, ...params });
  return follow(world.client(), runId, (event) => onEvent?.(event, runId));
}

/** Reads a stream until `count` events have come, leaves it, and goes on after the last one, until the run's end. */
async function resume(world: SoakWorld, runId: string, count: number): Promise<void> {
  let after: string | undefined;
  for (;;) {
    let read = 0;
    for await (const event of world.client().runs.stream(runId, after === undefined ? {} : { after })) {
      if (event.type === "tool.progress" || event.type === "stream.rewound") continue;
      after = event.id;
      if (isTerminalType(event.type)) return;
      read += 1;
      if (read === count) break;
    }
    must(read > 0, "a stream ended before its run did");
  }
}

export const RUN_TURNS: readonly Turn[] = [
  {
    name: "runs with text",
    weight: 20,
    async play(world) {
      mustComplete(await play(world, "echo"));
    },
  },
  {
    name: "followers that leave and resume",
    weight: 10,
    async play(world) {
      const { runId } = await world.client().runs.start({ agent: "talker", input: INPUT });
      await Promise.all([resume(world, runId, 7), resume(world, runId, 40), follow(world.client(), runId)]);
      // Late: the run has ended.
      mustComplete(await follow(world.client(), runId));
    },
  },
  {
    name: "runs with device tools",
    weight: 14,
    async play(world) {
      mustComplete(await play(world, "reader", { deviceKey: world.deviceKey() }));
    },
  },
  {
    name: "runs with external tools and messages",
    weight: 8,
    async play(world) {
      let isFirst = true;
      const followed = await play(world, "asker", {}, async (event, runId) => {
        if (event.type !== "tool.dispatched") return;
        const { callId } = event.data;
        // The model begins anew after a message, and calls once more.
        if (isFirst) await world.client().runs.send(runId, "one more thing");
        isFirst = false;
        await world.client().runs.submitToolResult(runId, { callId, result: { said: "yes" } });
        const { duplicate } = await world.client().runs.submitToolResult(runId, { callId, result: { said: "yes" } });
        must(duplicate, "the same result again was no duplicate");
      });
      mustComplete(followed);
    },
  },
  {
    name: "runs with approvals",
    weight: 8,
    async play(world) {
      const approved = world.random() < 0.7;
      const followed = await play(world, "payer", {}, async (event, runId) => {
        if (event.type !== "tool.awaiting_approval") return;
        await world.client().runs.approve(runId, { callId: event.data.callId, approved });
      });
      mustComplete(followed);
    },
  },
  {
    name: "threads",
    weight: 6,
    async play(world) {
      const { id } = await world.client().threads.create({ key: randomUUID() });
      for (let turn = 0; turn < 3; turn += 1) mustComplete(await play(world, "echo", { threadId: id }));
      const { data } = await world.client().threads.messages(id);
      must(data.length === 6, `a thread of three runs has ${data.length} messages`);
    },
  },
  {
    name: "cancels",
    weight: 6,
    async play(world) {
      const followed = await play(world, "silent", {}, async (event, runId) => {
        if (event.type === "text.delta") await world.client().runs.cancel(runId, { reason: "no more" });
      });
      must(followed.last === "run.canceled", `a canceled run ended with ${followed.last}`);
    },
  },
];
