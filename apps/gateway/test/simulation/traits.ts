import type { RingBounds } from "../../src/follow/event-ring.ts";
import { Random } from "./random.ts";

/** What sets some seeds apart from the others. */
export interface Traits {
  /**
   * How much of the runs that they follow gateways keep in memory. Null: as much as real ones, which is more than a
   * simulated run ever says.
   */
  readonly ringBounds: RingBounds | null;
  /** The share of watchers whose sockets are full more often than not. */
  readonly slowShare: number;
  /** Whether clients send more inputs at once than one read of an inbox returns. */
  readonly isFlooded: boolean;
  /** Whether people decide and cancel in one breath, and devices come back a moment after they lost their memory. */
  readonly isHasty: boolean;
  /** Whether some calls have no deadline that could help, so that gateways must notice what becomes of them. */
  readonly isPatient: boolean;
  /** Whether one of the runs kills every gateway that loads it. */
  readonly isPoisoned: boolean;
  /** Whether every step of one of the runs keeps its gateway's event loop from everything else. */
  readonly isStalling: boolean;
  /** Whether a second tenant is hostile, fills every place that it gets and stalls gateways. */
  readonly isBeset: boolean;
  /** Whether people speak to threads that are busy, under every policy. */
  readonly isTalkative: boolean;
  /** Whether people fork runs, at any of their facts. */
  readonly isForking: boolean;
  /** Whether people upload files, and send them to runs. */
  readonly isUploading: boolean;
  /** Whether at the end all devices go for good, so that every gateway must notice it. */
  readonly isDeserted: boolean;
  /** Whether runs have limits, which are often less than they need. */
  readonly isLimited: boolean;
  /** Whether runs end with an object, which their model gets wrong now and then. */
  readonly isStructured: boolean;
  /** Whether the model's provider executes tools of its own, and pauses now and then. */
  readonly isSearching: boolean;
  /** Whether runs sleep: some for a year, in which no gateway lives. */
  readonly isSleepy: boolean;
  /** Whether runs start children, which start children of their own. */
  readonly isDelegating: boolean;
}

export const NO_TRAITS: Traits = {
  ringBounds: null,
  slowShare: 0,
  isFlooded: false,
  isHasty: false,
  isPatient: false,
  isPoisoned: false,
  isStalling: false,
  isBeset: false,
  isTalkative: false,
  isForking: false,
  isUploading: false,
  isDeserted: false,
  isLimited: false,
  isStructured: false,
  isSearching: false,
  isSleepy: false,
  isDelegating: false,
};

/** Memories that are too small for one run, for a lagging watcher, and for all runs together. */
const SMALL_MEMORIES: readonly RingBounds[] = [
  { ringBytesMax: 0, laggingRingBytesMax: 0, ringsBytesMax: 0 },
  { ringBytesMax: 400, laggingRingBytesMax: 1500, ringsBytesMax: 100_000 },
  { ringBytesMax: 3000, laggingRingBytesMax: 800, ringsBytesMax: 100_000 },
  { ringBytesMax: 100_000, laggingRingBytesMax: 100_000, ringsBytesMax: 4000 },
];

/** Keeps what is drawn here apart from what the world draws from the same seed. */
const SALT = 0x2545f491;
/** The same for what came later, so that what is drawn above stays what it was. */
const LATER_SALT = 0x1b873593;
const BESET_SALT = 0x7feb352d;
const LIMITED_SALT = 0x846ca68b;
const TALK_SALT = 0x68e31da4;
const FORK_SALT = 0x58f1a2c7;
const UPLOAD_SALT = 0x165667b1;
const SLEEPY_SALT = 0x9e3779b1;
const STRUCTURED_SALT = 0x2c1b3c6d;
const DELEGATING_SALT = 0x3c6ef372;
const SEARCHING_SALT = 0x297a2d39;

/**
 * The traits of a seed, and a generator for what they bring. So a seed without traits plays the same whatever traits
 * there are. `wanted`: these, instead of those of the seed.
 */
export function traitsOf(
  seed: number,
  wanted: Partial<Traits> | undefined,
): { readonly traits: Traits; readonly random: Random } {
  const random = new Random(seed ^ SALT);
  const hasSmallMemory = random.chance(0.3);
  const traits: Traits = {
    ringBounds: hasSmallMemory ? random.pick(SMALL_MEMORIES) : null,
    slowShare: hasSmallMemory ? random.pick([0, 0.5, 1]) : 0,
    isFlooded: random.chance(0.06),
    isHasty: random.chance(0.3),
    isPatient: random.chance(0.25),
    isPoisoned: random.chance(0.1),
    isStalling: new Random(seed ^ LATER_SALT).chance(0.1),
    isBeset: new Random(seed ^ BESET_SALT).chance(0.05),
    isTalkative: new Random(seed ^ TALK_SALT).chance(0.25),
    isForking: new Random(seed ^ FORK_SALT).chance(0.2),
    isUploading: new Random(seed ^ UPLOAD_SALT).chance(0.15),
    isDeserted: random.chance(0.15),
    isLimited: new Random(seed ^ LIMITED_SALT).chance(0.15),
    isStructured: new Random(seed ^ STRUCTURED_SALT).chance(0.15),
    isSearching: new Random(seed ^ SEARCHING_SALT).chance(0.15),
    isSleepy: new Random(seed ^ SLEEPY_SALT).chance(0.15),
    isDelegating: new Random(seed ^ DELEGATING_SALT).chance(0.2),
    ...wanted,
  };
  return { traits, random };
}
