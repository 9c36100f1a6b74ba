import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import type { GatewayProcess } from "./gateway-process.ts";
import type { Link, LinkMode } from "./link.ts";
import type { Interruption } from "./messages.ts";
import type { DeviceWorker, Stage } from "./stage.ts";

/** What a fault did, for the figures. */
export interface Journal {
  readonly interruptions: Interruption[];
  /** When Redis was away or silent for everybody (ms, the wall clock). */
  readonly redisAway: { readonly from: number; readonly until: number }[];
  /**
   * When something began that may cost a run its holder: a gateway killed, stopped or frozen, Postgres restarted, a
   * wire to it spoilt (ms, the wall clock).
   */
  readonly mayCostLeases: number[];
  /** Gateways that were told to stop and ended otherwise than with 0. */
  readonly badExits: string[];
  /** Freezes longer than the lease. */
  staleFreezes: number;
}

export function newJournal(): Journal {
  return { interruptions: [], redisAway: [], mayCostLeases: [], badExits: [], staleFreezes: 0 };
}

/** How long after a hand-over a silence still counts as its doing. */
const HANDOVER_AFTERMATH_MS = 1000;

/** The runs that a gateway holds, as Postgres sees it. */
async function heldBy(stage: Stage, gatewayId: string | null): Promise<string[]> {
  const rows = await stage.query<{ id: string }>("select id::text from runs where lease_owner = $1", [gatewayId]);
  return rows?.map(({ id }) => id) ?? [];
}

/** kill -9; it is started again after a while. */
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
  // Its leases stand until they end, so what it held is still to be read after its death.
  const runIds = await heldBy(stage, gatewayId);
  journal.interruptions.push({ kind: "kill", from, until: from, runIds });
  await gateway.ended();
  await sleep(awayMs);
  await gateway.start();
}

/** SIGTERM, as a rolling restart does it. */
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

/** SIGSTOP and, later, SIGCONT. */
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

/**
 * How long a kill of devices waits for a call in progress, and how long after its beginning it comes at most (ms): most
 * calls are over by then, some have just been answered.
 */
const DEVICE_BUSY_WITHIN_MS = 3000;
const DEVICE_WORK_MS = 300;

/**
 * kill -9 of a process of devices, in the middle of a call if there is one soon: they are idle most of the time, and
 * then a kill shows little.
 */
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
    // It is away: there is nothing to flush.
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** Ends Redis, wiped with it, and starts it again. */
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

/** Redis holds its sockets and answers nobody. */
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

/**
 * Postgres holds its connections and answers nobody, as when its machine is paused; what was on its way is done when it
 * goes on.
 */
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

/** `fast`: transactions are rolled back and told so; `immediate`: it ends as in a crash, and recovers from its log. */
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

/** One gateway's wire, for a while; and then as good as ever. */
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
