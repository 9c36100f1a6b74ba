import type { Client, RunStreamEvent } from "@hsafa/client";
import { isOpenCallStatus, isTerminalStatus, type Run, type ToolCall } from "@hsafa/protocol";
import { connectedDevices } from "./connected-devices.ts";
import { eachItem } from "./each-item.ts";
import { CALLS_LOOKED_AT_MAX, WAIT_TOLD_AFTER_MS } from "./limits.ts";
import { own, type Shown, styled } from "./shown.ts";
import { note } from "./terminal.ts";

/**
 * Says what a run waits for, once it has waited a while: a tool that no connected device offers, or its turn. It asks
 * the gateway once for each time that the run waits, and never while events come.
 */
export class WaitTeller {
  readonly #client: Client;
  readonly #runId: string;
  #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(client: Client, runId: string) {
    this.#client = client;
    this.#runId = runId;
    this.#timer = this.#later();
  }

  /** The run has said something, so it waits from now on. */
  hear(_event: RunStreamEvent): void {
    clearTimeout(this.#timer);
    this.#timer = this.#later();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #later(): NodeJS.Timeout {
    return setTimeout(() => {
      // What cannot be asked now is not told. The stream says if the gateway is away.
      this.#tell().catch(() => {});
    }, WAIT_TOLD_AFTER_MS);
  }

  async #tell(): Promise<void> {
    const run = await this.#client.runs.get(this.#runId);
    const reasons = await reasonsOf(this.#client, run);
    if (this.#isClosed) return;
    for (const reason of reasons) note(styled("yellow", own`   ${reason}`));
  }
}

/** Returns why a run does not go on, one sentence each. */
async function reasonsOf(client: Client, run: Run): Promise<readonly Shown[]> {
  if (isTerminalStatus(run.status)) return [];
  if (run.status === "queued") {
    const turn = run.threadId === null ? own`` : own`, or for the run before it in its conversation`;
    return [own`the run is queued: it waits for a place${turn}`];
  }
  if (run.status !== "waiting_tool") return [];
  const open: ToolCall[] = [];
  for await (const call of eachItem((query) => client.runs.toolCalls(run.id, query), CALLS_LOOKED_AT_MAX)) {
    // A call is dispatched before there is a device for it.
    if (isOpenCallStatus(call.status) && call.status !== "awaiting_approval" && call.sentAt === null) open.push(call);
  }
  // The gateway executes nothing for a run that waits. So such a call is taken by a child, or is a sleep.
  const ofServer = open.filter(({ target, deadline }) => target === "server" && deadline !== null);
  const children = ofServer.length === 0 ? [] : (await client.runs.list({ parent: run.id })).data;
  const working = children.filter(({ id }) => ofServer.some((call) => call.id === id));
  const asleep = ofServer.filter(({ id }) => !working.some((child) => child.id === id));
  const external = open.filter(({ target }) => target === "external");
  const onDevices = open.filter(({ target }) => target === "device" || target === "browser");
  const connected = onDevices.length === 0 ? [] : await connectedDevices(client);
  return [
    ...onDevices.map(({ toolName, deviceKey }) => {
      const offering = connected.filter((device) => device.tools.some(({ name }) => name === toolName));
      if (offering.length === 0) return own`no connected device offers ${toolName}`;
      const named = deviceKey === null ? own`none of the right kind is free` : own`the call is for ${deviceKey} alone`;
      return own`${toolName} is offered by ${offering.map(({ key }) => key).join(", ")}, and ${named}`;
    }),
    ...working.map(({ id, agentName, status }) => own`${agentName} works on it in the run ${id}, which is ${status}`),
    ...asleep.map(({ deadline }) => own`the run sleeps until ${deadline ?? ""}`),
    ...external.map(({ id, toolName }) => own`${toolName} waits for: npx hsafa answer ${run.id} ${id} <result>`),
  ];
}
