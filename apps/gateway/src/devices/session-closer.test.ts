import { expect, test } from "vitest";
import { settled } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import { REGISTRATION_IN_FLIGHT_MAX_MS, UNCONFIRMED_SESSIONS_MAX } from "./limits.ts";
import { SessionCloser } from "./session-closer.ts";
import { asTenantId } from "../core/tenant-id.ts";

function world() {
  const ended: string[] = [];
  const clock = new ManualClock();
  const state = { isAway: false };
  const tenant = {
    endDeviceSession: async ({ sessionId }: { sessionId: string }) => {
      if (state.isAway) throw new StoreUnavailable("away");
      ended.push(sessionId);
    },
  };
  const store = { forTenant: () => tenant } as unknown as Store;
  const closer = new SessionCloser({ store, log: recordingLog(), clock });
  return { closer, clock, ended, state };
}

function session(sessionId: string) {
  return { tenantId: asTenantId("tenant-1"), sessionId, reason: "because" };
}

test("a session that could not be ended is ended once the store is back", async () => {
  const { closer, ended, state } = world();
  state.isAway = true;
  closer.end(session("a"));
  await settled();
  closer.retry();
  await settled();
  expect(ended).toEqual([]);
  state.isAway = false;
  closer.retry();
  await settled();
  closer.retry();
  await settled();
  expect(ended).toEqual(["a"]);
});

test("an unconfirmed session is ended once its registration can no longer be on its way, and not before", async () => {
  const { closer, clock, ended } = world();
  closer.endUnconfirmed(session("a"));
  clock.advance(REGISTRATION_IN_FLIGHT_MAX_MS - 1);
  closer.retry();
  await settled();
  expect(ended).toEqual([]);
  clock.advance(1);
  closer.retry();
  await settled();
  expect(ended).toEqual(["a"]);
});

test("an unconfirmed session outlives an outage of the store", async () => {
  const { closer, clock, ended, state } = world();
  closer.endUnconfirmed(session("a"));
  state.isAway = true;
  clock.advance(REGISTRATION_IN_FLIGHT_MAX_MS);
  closer.retry();
  await settled();
  state.isAway = false;
  closer.retry();
  await settled();
  expect(ended).toEqual(["a"]);
});

test("unconfirmed sessions are bounded: beyond the bound the oldest is ended early (R9)", async () => {
  const { closer, ended } = world();
  for (let index = 0; index <= UNCONFIRMED_SESSIONS_MAX; index++) closer.endUnconfirmed(session(`${index}`));
  await settled();
  expect(ended).toEqual(["0"]);
});
