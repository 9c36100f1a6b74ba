import { describe, expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { failpoints, random } from "./scenarios.ts";

const missing = await missingServices("private-postgres", "private-redis");

/** The short forms; the long ones are `npm run chaos`. */
describe.skipIf(missing)("chaos with real processes", () => {
  const options = {
    // Another one each time would find more, and fail where nothing was changed.
    seed: 20_261_122,
    runs: 0,
    only: "",
    leaseMs: 1500,
    seconds: 20,
    say: (what: string): void => void process.stdout.write(`chaos: ${what}\n`),
  };

  test("nothing is lost or done twice while gateways, Redis, Postgres, devices and wires fail", async () => {
    const { losses } = await random({ ...options, width: 12, faults: 20, faultEveryMs: 900 });
    expect(losses).toEqual([]);
  });

  test("a gateway may die between any two writes", async () => {
    const faults = Number.POSITIVE_INFINITY;
    const { losses } = await failpoints({ ...options, width: 12, faults, faultEveryMs: 0, leaseMs: 1000 });
    expect(losses).toEqual([]);
  });
});
