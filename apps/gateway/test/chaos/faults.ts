import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@redis/client";
import type { GatewayProcess } from "./gateway-process.ts";
import type { Link, LinkMode } from "./link.ts";
import type { Interruption } from "./messages.ts";
import type { DeviceWorker, Stage } from "./stage.ts";

/** What the faults did, for checks and figures. Times are in milliseconds of the wall clock. */
export interface Journal {
  readonly interruptions: Interruption[];
  /** When Redis was away or silent for all gateways. */
  readonly redisAway: { readonly from: number; readonly until: number }[];
  /** When a fault began that may cost a run its holder: of a gateway, of Postgres, or of a link to Postgres. */
  readonly mayCostLeases: number[];
  /** Gateways that did not exit with 0 after SIGTERM. */
  readonly badExits: string[];
  /** Freezes longer than the lease. */
  staleFreezes: number;
}

export function newJournal(): Journal {
  return { interruptions: [], redisAway: [], mayCostLeases: [], badExits: [], staleFreezes: 0 };
}

/** How long after a hand-over a silence still counts for it, in milliseconds. */
const HANDOVER_AFTERMATH_MS = 1000;

/** Returns the runs that a gateway holds, according to Postgres. */
async function heldBy(stage: Stage, gatewayId: string | null): Promise<string[]> {
  const rows = await stage.query<{ id: string }>("select id::text from runs where lease_owner = $1", [gatewayId]);
  return rows?.map(({ id }) => id) ?? [];
}

/** Kills a gateway by SIGKILL, and starts it again after `awayMs`. */
export async function killGateway(
  stage: Stage,
  journal: Journal,
  gateway: GatewayProcess,
  { awayMs }: { readonly awayMs: number },
): Promise<void> {
  const { gatewayId } = gateway;
  if (gatewayId === null) return;
  const from = Date.now();
  journal.mayCostLeases.push(from);
  gateway.signal("SIGKILL");
  // Its leases stand until they end, so they can be read after its death.
  const runIds = await heldBy(stage, gatewayId);
  journal.interruptions.push({ kind: "kill", from, until: from, runIds });
  await gateway.ended();
  await sleep(awayMs);
  await gateway.start();
}

/** Stops a gateway by SIGTERM, as a rolling restart does, and starts it again. */
export async function restartGateway(stage: Stage, journal: Journal, gateway: GatewayProcess): Promise<void> {
  const { gatewayId } = gateway;
  if (gatewayId === null) return;
  const runIds = await heldBy(stage, gatewayId);
  const from = Date.now();
  journal.mayCostLeases.push(from);
  gateway.signal("SIGTERM");
  const { code, signal } = await gateway.ended();
  if (code !== 0) journal.badExits.push(`gateway ${gateway.index}: ${code ?? signal}`);
  journal.interruptions.push({ kind: "handover", from, until: Date.now() + HANDOVER_AFTERMATH_MS, runIds });
  await gateway.start();
}

/** Freezes a gateway by SIGSTOP for `frozenMs`. */
export async function freezeGateway(
  journal: Journal,
  gateway: GatewayProcess,
  { frozenMs, leaseMs }: { readonly frozenMs: number; readonly leaseMs: number },
): Promise<void> {
  if (gateway.gatewayId === null) return;
  journal.mayCostLeases.push(Date.now());
  gateway.signal("SIGSTOP");
  await sleep(frozenMs);
  gateway.signal("SIGCONT");
  if (frozenMs > leaseMs) journal.staleFreezes += 1;
}

/** How long a kill of devices waits for a call in progress, in milliseconds. */
const DEVICE_BUSY_WITHIN_MS = 3000;
/** The latest kill after the beginning of that call, in milliseconds. Most calls are over by then. */
const DEVICE_WORK_MS = 300;

/** Kills a process of devices by SIGKILL, during a call if one begins soon: devices are idle most of the time. */
export async function killDevices(worker: DeviceWorker): Promise<void> {
  await worker.busy(DEVICE_BUSY_WITHIN_MS);
  await sleep(Math.random() * DEVICE_WORK_MS);
  await worker.kill();
  worker.start();
}

export async function flushRedis(stage: Stage): Promise<void> {
  const client = createClient({ url: stage.redis.url, socket: { reconnectStrategy: false } });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.flushAll();
  } catch {
    // Redis is away, so there is nothing to flush.
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** Kills Redis, which wipes it, and starts it again. */
export async function stopRedis(
  stage: Stage,
  journal: Journal,
  { awayMs }: { readonly awayMs: number },
): Promise<void> {
  const from = Date.now();
  await stage.redis.stop("SIGKILL");
  await sleep(awayMs);
  await stage.redis.start();
  journal.redisAway.push({ from, until: Date.now() });
}

/** Freezes Redis: it keeps its sockets and does not respond. */
export async function freezeRedis(
  stage: Stage,
  journal: Journal,
  { frozenMs }: { readonly frozenMs: number },
): Promise<void> {
  const from = Date.now();
  stage.redis.signal("SIGSTOP");
  await sleep(frozenMs);
  stage.redis.signal("SIGCONT");
  journal.redisAway.push({ from, until: Date.now() });
}

/** Freezes Postgres, as a paused machine does. Statements in flight are executed when it continues. */
export async function freezePostgres(
  stage: Stage,
  journal: Journal,
  { frozenMs }: { readonly frozenMs: number },
): Promise<void> {
  journal.mayCostLeases.push(Date.now());
  stage.postgres.signal("SIGSTOP");
  await sleep(frozenMs);
  stage.postgres.signal("SIGCONT");
}

/** `fast` rolls transactions back and tells their clients. `immediate` is a crash with recovery from the log. */
export async function restartPostgres(
  stage: Stage,
  journal: Journal,
  how: "fast" | "immediate",
  { awayMs }: { readonly awayMs: number },
): Promise<void> {
  journal.mayCostLeases.push(Date.now());
  await stage.postgres.stop(how === "fast" ? "SIGINT" : "SIGQUIT");
  await sleep(awayMs);
  await stage.postgres.start();
}

/** Spoils one gateway's link for `forMs`. */
export async function spoilLink(
  link: Link,
  index: number,
  mode: LinkMode,
  { forMs }: { readonly forMs: number },
): Promise<void> {
  link.set(index, mode);
  await sleep(forMs);
  link.set(index, { kind: "pass" });
}
