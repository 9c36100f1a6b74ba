import { createClient } from "@redis/client";
import { describe, expect, test, vi } from "vitest";
import { bellSuite } from "../../../test/contracts/bell.suite.ts";
import { missingServices, redisUrl } from "../../../test/services/services.ts";
import { recordingLog } from "../../../test/support/recording-log.ts";
import type { Ring } from "../../ports/bell.ts";
import { systemClock } from "../system/system-clock.ts";
import { parseRing } from "./redis-bell.ts";
import { openRedis } from "./open-redis.ts";

const ID = "0198c0de-0000-7000-8000-000000000001";

describe.skipIf(await missingServices("redis"))("on Redis", () => {
  const open = async () =>
    openRedis({ url: await redisUrl(), clock: systemClock, log: recordingLog(), timeoutMs: 10_000 });

  bellSuite("redis", async () => {
    const [here, there] = await Promise.all([open(), open()]);
    return {
      bell: here.bell,
      elsewhere: there.bell,
      async close() {
        await Promise.all([here.close(), there.close()]);
      },
    };
  });

  test("a stranger's messages on the channel are not heard, and the bell goes on", async () => {
    const { bell, close } = await open();
    const heard: Ring[] = [];
    bell.listen((ring) => heard.push(ring));
    const stranger = await createClient({ url: await redisUrl() }).connect();
    for (const message of ["", "garbage", `x run ${ID} more`, `x run not-an-id`, "x".repeat(100_000), `x run ${ID}`]) {
      await stranger.publish("hsafa:bell", message);
    }
    await vi.waitFor(() => expect(heard).toEqual([{ about: "run", runId: ID }]), { timeout: 5000, interval: 5 });
    stranger.destroy();
    await close();
  });
});

test("a text that no gateway would send is no ring", () => {
  expect(parseRing(`g run ${ID}`)).toEqual({ from: "g", ring: { about: "run", runId: ID } });
  expect(parseRing(`g device ${ID} `)).toEqual({ from: "g", ring: { about: "device", tenantId: ID, deviceKey: null } });
  expect(parseRing(`g device ${ID} k/1`)).toEqual({
    from: "g",
    ring: { about: "device", tenantId: ID, deviceKey: "k/1" },
  });
  for (const message of [
    `g run`,
    `g run ${ID} `,
    `g device ${ID}`,
    `g device ${ID} a b`,
    `g device ${ID} é`,
    `g ${ID}`,
  ]) {
    expect({ message, heard: parseRing(message) }).toEqual({ message, heard: null });
  }
});
