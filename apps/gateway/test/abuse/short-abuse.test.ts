import { expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { BUSY_MACHINE_BOUNDS, brokenBounds } from "./abuse-bounds.ts";
import { type AbuseRow, measureAbuse } from "./measure-abuse.ts";

const ATTACK_MS = 3000;

/** Each of them once kept a gateway from everything else for seconds, and each in another way. */
const SHORT_FORM = [
  "steps of empty parts",
  "an inbox full of large messages",
  "results of calls that a device never had",
  "bodies that are costly to check",
];

test.skipIf(await missingServices("private-postgres", "private-redis"))(
  "no attack keeps the event loop from other tenants: the short form of `npm run abuse`",
  async () => {
    const rows: AbuseRow[] = [];
    await measureAbuse({
      attackMs: ATTACK_MS,
      only: SHORT_FORM,
      alone: true,
      together: false,
      say: (row) => rows.push(row),
    });
    expect(rows.map(({ name }) => name).toSorted()).toEqual(SHORT_FORM.toSorted());
    const broken = rows.flatMap((row) => brokenBounds(row, BUSY_MACHINE_BOUNDS).map((what) => `${row.name}: ${what}`));
    // Beside what was broken, a failure shows every figure.
    expect({ broken, rows: broken.length === 0 ? [] : rows }).toEqual({ broken: [], rows: [] });
  },
);
