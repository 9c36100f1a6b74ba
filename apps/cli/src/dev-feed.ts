import type { Client } from "@hsafa/client";
import { type Device, isTerminalStatus, PAGE_ITEMS_MAX, type Run } from "@hsafa/protocol";
import { consoleLink } from "./console-link.ts";
import type { DevHappening } from "./dev-happening.ts";
import { FEED_POLL_MS, FEED_RUNS_MAX } from "./limits.ts";

/**
 * Tells of runs that wait or end, and of devices that come and go, at a gateway of this machine. It asks the gateway's
 * API once in `FEED_POLL_MS`, as any program may: what is told is what others see too.
 */
export class DevFeed {
  readonly #client: Client;
  readonly #url: string;
  readonly #tell: (happening: DevHappening) => void;
  /** The newest run that is known. Ids are in the order of time. */
  #newest = "";
  /** The runs that had not ended, and whether it was told that they wait. */
  #open = new Map<string, { readonly isWaitTold: boolean }>();
  #online = new Map<string, Device>();
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(params: {
    readonly client: Client;
    /** Of the gateway. */
    readonly url: string;
    readonly tell: (happening: DevHappening) => void;
  }) {
    this.#client = params.client;
    this.#url = params.url;
    this.#tell = params.tell;
  }

  /** Begins. What was there before is not told. */
  async start(): Promise<void> {
    const { data } = await this.#client.runs.list({ limit: 1 });
    this.#newest = data[0]?.id ?? "";
    this.#later();
  }

  /** Resolves when nothing is asked any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#asking;
  }

  #later(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#asking = Promise.all([this.#askRuns(), this.#askDevices()]).then(
        () => this.#later(),
        // The gateway is closing, or busy: the next time tells.
        () => this.#later(),
      );
    }, FEED_POLL_MS);
  }

  async #askRuns(): Promise<void> {
    const { data, nextCursor } = await this.#client.runs.list({ limit: FEED_RUNS_MAX });
    const since = data.filter(({ id }) => id > this.#newest);
    const listed = new Set(data.map(({ id }) => id));
    // A run that goes on for long is no longer among the newest ones.
    const older = [...this.#open.keys()].filter((id) => !listed.has(id));
    const others = await Promise.all(older.map((id) => this.#client.runs.get(id)));
    const open = new Map<string, { readonly isWaitTold: boolean }>();
    for (const run of [...others, ...data.toReversed()]) {
      const before = this.#open.get(run.id);
      if (before === undefined && run.id <= this.#newest) continue;
      const isWaitTold = this.#tellRun(run, before?.isWaitTold ?? false);
      if (!isTerminalStatus(run.status) && open.size < FEED_RUNS_MAX) open.set(run.id, { isWaitTold });
    }
    if (since.length === data.length && nextCursor !== null && this.#newest !== "") {
      this.#tell({ event: "left_out", runs: since.length });
    }
    this.#open = open;
    this.#newest = data[0]?.id ?? this.#newest;
  }

  /** Returns whether it was told that the run waits. */
  #tellRun(run: Run, wasWaitTold: boolean): boolean {
    const isWaiting = run.status === "waiting_tool";
    if (!isTerminalStatus(run.status) && (!isWaiting || wasWaitTold)) return wasWaitTold;
    const { id: runId, agentName, status, createdAt, completedAt, error } = run;
    const durationMs = completedAt === null ? null : Date.parse(completedAt) - Date.parse(createdAt);
    const why = error === null ? null : `${error.message} [${error.code}]`;
    const link = consoleLink(this.#url, runId);
    this.#tell({ event: "run", runId, link, agentName, status, durationMs, error: why });
    return isWaiting;
  }

  async #askDevices(): Promise<void> {
    const { data } = await this.#client.devices.list({ limit: PAGE_ITEMS_MAX });
    const online = new Map(data.filter((device) => device.online).map((device) => [device.id, device]));
    for (const [id, device] of online) if (!this.#online.has(id)) this.#tellDevice(device, true);
    for (const [id, device] of this.#online) if (!online.has(id)) this.#tellDevice(device, false);
    this.#online = online;
  }

  #tellDevice({ key, tools }: Device, online: boolean): void {
    this.#tell({ event: "device", deviceKey: key, online, tools: tools.map(({ name }) => name) });
  }
}
