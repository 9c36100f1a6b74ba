import { expect, test } from "vitest";
import { judgePostgres, type ServerFacts } from "./judge-postgres.ts";
import { parsePostgresAddress } from "./postgres-address.ts";

const address = parsePostgresAddress("postgres://ann:secret@db.test:5433/agents");
const judged = (facts: Partial<ServerFacts>) =>
  judgePostgres(
    {
      version: "16.4 (Debian 16.4-1)",
      versionNumber: 160_004,
      isReadOnly: false,
      serverMs: 1000,
      askedMs: 990,
      answeredMs: 1010,
      ...facts,
    },
    address,
  );

test("a server that serves is named with its version, and without the password", () => {
  const { state, message, cure } = judged({});
  expect({ state, cure }).toEqual({ state: "ok", cure: null });
  expect(message).toContain("Postgres 16.4 at db.test:5433");
  expect(message).not.toContain("secret");
});

test("a version before the oldest that serves is told, with the one that does", () => {
  expect(judged({ version: "14.13", versionNumber: 140_013 })).toMatchObject({
    state: "broken",
    message: expect.stringContaining("Postgres 14.13") as string,
    cure: "Use Postgres 15 or later.",
  });
  expect(judged({ version: "15.0", versionNumber: 150_000 }).state).toBe("ok");
});

test("a standby takes no writes", () => {
  expect(judged({ isReadOnly: true })).toMatchObject({
    state: "broken",
    cure: expect.stringContaining("primary") as string,
  });
});

test.each([
  ["ahead of", 61_010, "60 s ahead of"],
  ["behind", -60_000, "61 s behind"],
])("a clock %s ours is told with how far", (_how, serverMs, told) => {
  expect(judged({ serverMs })).toMatchObject({ state: "warning", message: expect.stringContaining(told) as string });
});

test("the time that an answer takes is no skew", () => {
  expect(judged({ askedMs: 0, serverMs: 20_000, answeredMs: 21_000 }).state).toBe("ok");
});
