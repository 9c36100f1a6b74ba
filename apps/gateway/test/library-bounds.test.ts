/** Bounds of ours that a library could undercut. docs/limits.md says what holds for each. */
import { constants } from "node:buffer";
import { globSync } from "node:fs";
import { maxHeaderSize } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as protocolLimits from "../../../packages/protocol/src/limits.ts";
import * as accessLimits from "../src/access/limits.ts";
import * as modelLimits from "../src/adapters/ai-sdk/limits.ts";
import * as coreLimits from "../src/core/limits.ts";
import * as postgresLimits from "../src/adapters/postgres/limits.ts";
import * as edgeLimits from "../src/edge/limits.ts";

/** The longest delay of a timer of Node and of browsers, in ms. A longer one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Bounds that no timer waits for: Postgres compares the one, and a key's end is waited for in parts. */
const UNTIMED = new Set(["REVOKED_KEY_KEPT_MS", "KEY_LIFETIME_S_MAX"]);
/** How often a server may hold a text of ours more than once: escapes, and the pieces it is joined from. */
const COPIES = 4;

const root = join(import.meta.dirname, "../../..");
const layers = globSync(["apps/*/src/**/limits.ts", "packages/*/src/limits.ts"], { cwd: root });
const modules = await Promise.all(
  layers.map((path) => import(join(root, path)) as Promise<Readonly<Record<string, unknown>>>),
);

/** Every number of a module, also within the bounds of a backoff. */
function numbersOf(module: Readonly<Record<string, unknown>>): (readonly [string, number])[] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (typeof value === "number") return [[name, value] as const];
    if (typeof value !== "object" || value === null) return [];
    return numbersOf(value as Record<string, unknown>).map(([field, number]) => [`${name}.${field}`, number] as const);
  });
}

const bounds = modules.flatMap(numbersOf);
const timed = bounds.filter(([name]) => !UNTIMED.has(name));

describe("no bound passes what its library can keep", () => {
  test("the bounds of every layer are looked at", () => {
    expect(layers.length).toBeGreaterThan(12);
    expect(bounds.length).toBeGreaterThan(150);
  });

  test.each(timed.filter(([name]) => /ms$/i.test(name)))("a timer can wait for %s", (_, durationMs) => {
    expect(durationMs).toBeLessThanOrEqual(TIMER_MS_MAX);
  });

  test.each(timed.filter(([name]) => /_S(?:_|$)/.test(name)))("a timer can wait for %s", (_, durationS) => {
    expect(durationS * 1000).toBeLessThanOrEqual(TIMER_MS_MAX);
  });

  test.each(bounds.filter(([name]) => name.includes("CHARACTERS")))("a text can hold %s", (_, characters) => {
    expect(characters * COPIES).toBeLessThan(constants.MAX_STRING_LENGTH);
  });

  test("the head of a request has room for a credential, a path and a key together", () => {
    const { IDEMPOTENCY_KEY_CHARACTERS_MAX, PATH_PARAMETER_CHARACTERS_MAX } = edgeLimits;
    const together =
      accessLimits.CREDENTIAL_CHARACTERS_MAX + PATH_PARAMETER_CHARACTERS_MAX + IDEMPOTENCY_KEY_CHARACTERS_MAX;
    expect(together).toBeLessThan(maxHeaderSize);
  });

  test("Postgres gives a statement up before its client does, and the client looks at its head before its body", () => {
    const { STORE_ANSWER_TIMEOUT_MS, STORE_STATEMENT_TIMEOUT_MS } = postgresLimits;
    expect(STORE_STATEMENT_TIMEOUT_MS).toBeLessThan(STORE_ANSWER_TIMEOUT_MS);
    // node:http refuses to be made otherwise.
    expect(edgeLimits.REQUEST_HEAD_TIMEOUT_MS).toBeLessThanOrEqual(edgeLimits.REQUEST_TIMEOUT_MS);
    expect(edgeLimits.REQUEST_TIMEOUT_CHECK_MS).toBeLessThan(edgeLimits.REQUEST_HEAD_TIMEOUT_MS);
  });

  test("what closes a socket, nests and is stored stays below what its library takes", () => {
    // ws waits for 30 s; the reason of a close has 123 bytes, and ours is ASCII.
    expect(edgeLimits.SOCKET_CLOSE_TIMEOUT_MS).toBeLessThan(30_000);
    expect(edgeLimits.CLOSE_REASON_CHARACTERS_MAX).toBeLessThanOrEqual(123);
    const nested = JSON.parse(
      `${"[".repeat(coreLimits.JSON_DEPTH_MAX)}${"]".repeat(coreLimits.JSON_DEPTH_MAX)}`,
    ) as unknown;
    expect(JSON.stringify(nested)).toHaveLength(2 * coreLimits.JSON_DEPTH_MAX);
    // A field of Postgres, whose JSON may be escaped sixfold.
    for (const bytes of [protocolLimits.TOOL_RESULT_BYTES_MAX, edgeLimits.BODY_BYTES_MAX]) {
      expect(6 * COPIES * bytes).toBeLessThan(2 ** 30);
    }
  });

  test("a frame has room for a whole step, and a step for a result", () => {
    expect(modelLimits.FRAME_CHARACTERS_MAX).toBeGreaterThan(modelLimits.STEP_CHARACTERS_MAX);
    expect(modelLimits.STEP_CHARACTERS_MAX).toBeGreaterThan(protocolLimits.TOOL_RESULT_BYTES_MAX);
  });
});
