import { FILE_UNUSED_KEPT_MS, FILE_UPLOAD_KEPT_MS } from "../../src/ports/limits.ts";
import { type Fault, Faults } from "./faults.ts";
import type { Plant } from "./plants.ts";
import type { Counts } from "./counts.ts";
import type { Traits } from "./traits.ts";
import { World } from "./world.ts";

/**
 * How long a world may take to come to rest once its faults have stopped, in virtual ms. A slow watcher stalls for a
 * minute now and then, and several times in a row.
 */
const REST_MAX_MS = 480_000;
/**
 * For how long a world goes on once it is at rest, in virtual ms: what is still on its way must change nothing. After a
 * stall it goes on for as long, since the gateway settles then what the stall has cost.
 */
const AFTERWARDS_MS = 2000;
/** How long a store that is away when devices go for good stays away, in virtual ms. */
const LAST_OUTAGE_MS = 1500;
/** How long the sessions of devices that are gone may stay open, and how often that is looked at, in virtual ms. */
const SESSIONS_KEPT_MAX_MS = 90_000;
const SESSIONS_LOOK_MS = 3000;

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Of everything that happened, in order. */
  readonly hash: string;
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  readonly counts: OutcomeCounts;
}

/** How much happened; to be added up. */
export interface OutcomeCounts extends Counts {
  readonly steps: number;
  readonly virtualMs: number;
  readonly runs: number;
  readonly facts: number;
  /** Freezes of gateways that held a run. */
  readonly frozenHolders: number;
}

export interface PlayOptions {
  readonly plant?: Plant;
  /** These faults alone, instead of what the seed says. */
  readonly faults?: readonly Fault[];
  /** These traits, instead of what the seed says. */
  readonly traits?: Partial<Traits>;
  readonly onTrace?: (line: string) => void;
}

/** Plays one seed from the first moment to rest, and checks everything. */
export async function playSeed(seed: number, options: PlayOptions = {}): Promise<Outcome> {
  const world = new World(seed, options.plant ?? null, options.traits);
  const { scheduler, recorder } = world;
  scheduler.onTrace = options.onTrace ?? null;
  await world.setUp();
  const faults = new Faults(world, options.faults);
  const activeMs = faults.begin();
  const isBroken = (): boolean => recorder.violations.length > 0;
  await scheduler.runUntil(activeMs, isBroken);
  faults.heal();
  if (Object.keys(faults.counts).length > 0) world.healedAt = scheduler.time;
  const mayGoOn = (): boolean => world.isAtRest || world.isAsleep || isBroken();
  await scheduler.runUntil(activeMs + REST_MAX_MS, mayGoOn);
  while (world.sleepsLongUntil !== null && !isBroken()) {
    await world.hibernate();
    await scheduler.runUntil(scheduler.time + REST_MAX_MS, mayGoOn);
  }
  do await scheduler.runUntil(scheduler.time + AFTERWARDS_MS, isBroken);
  while (world.lostLeases.hasStalledWithin(AFTERWARDS_MS) && !isBroken());
  if (!isBroken()) await world.checkAll();
  if (!isBroken() && world.traits.isDeserted) await desert(world);
  if (!isBroken() && world.traits.isUploading) await afterADay(world);
  const histories = [...recorder.runs.values()];
  return {
    seed,
    violations: recorder.violations,
    hash: scheduler.hash,
    faults: faults.counts,
    counts: {
      ...recorder.counts,
      steps: scheduler.steps,
      virtualMs: scheduler.time,
      runs: histories.length,
      facts: histories.reduce((sum, { facts }) => sum + facts.length, 0),
      frozenHolders: faults.frozenHolders,
    },
  };
}

/** Uploads that broke off leave nothing, and files go that nobody uses. Those that runs use stay. */
async function afterADay(world: World): Promise<void> {
  // After a year of sleep, files are gone that nobody uses.
  if (world.recorder.counts.years === 0) await world.checkFiles({ isLongAfter: false });
  // One who uses a file again has it kept for a day more.
  for (let days = 0; days < 2; days += 1) await world.outlast(FILE_UNUSED_KEPT_MS + FILE_UPLOAD_KEPT_MS);
  await world.checkFiles({ isLongAfter: true });
}

/** All devices go for good, some of them while the store is away: their sessions must not stay open. */
async function desert(world: World): Promise<void> {
  const { scheduler, recorder, weather, traitRandom } = world;
  for (const device of world.devices) device.leaveForGood(traitRandom);
  if (traitRandom.chance(0.5)) {
    weather.isDown = true;
    scheduler.after(LAST_OUTAGE_MS, "mend", () => void (weather.isDown = false));
  }
  const endsAt = scheduler.time + SESSIONS_KEPT_MAX_MS;
  let open: readonly string[];
  do {
    await scheduler.runUntil(scheduler.time + SESSIONS_LOOK_MS, () => recorder.violations.length > 0);
    open = await world.openSessions();
  } while (open.length > 0 && scheduler.time < endsAt);
  for (const session of open) recorder.fail("device", `the session ${session} stays open, and the device is gone`);
}
