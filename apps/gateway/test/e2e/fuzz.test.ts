import { afterAll, beforeAll, expect, test } from "vitest";
import { DOORS } from "../fuzz/doors.ts";
import { type FuzzTarget, startFuzzTarget } from "../fuzz/fuzz-target.ts";
import { playDoor } from "../fuzz/play-doors.ts";
import { freshDatabase, type FreshDatabase, redisUrl } from "../services/services.ts";

/** Of all doors together. `npm run fuzz` plays any number. */
const INPUTS = 2000;
const SEED = 7;

let database: FreshDatabase;
let target: FuzzTarget;
beforeAll(async () => {
  database = await freshDatabase();
  target = await startFuzzTarget({ databaseUrl: database.url, redisUrl: await redisUrl() });
});
afterAll(async () => {
  await target.remove();
  await database.drop();
});

test.each(DOORS)("nothing that comes in brings about an error or an end of the gateway: $name", async (door) => {
  const inputs = Math.ceil((INPUTS * door.share) / 100);
  const tally = await playDoor(door, target, { inputs, seed: SEED });
  expect({ faults: tally.faults, ended: target.ended() }).toEqual({ faults: [], ended: null });
  expect(tally.inputs).toBe(inputs);
});

test("the doors have all inputs among them", () => {
  expect(DOORS.reduce((sum, { share }) => sum + share, 0)).toBe(100);
});
