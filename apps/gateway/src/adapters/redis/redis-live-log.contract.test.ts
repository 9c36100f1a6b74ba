import { createClient } from "@redis/client";
import { describe } from "vitest";
import { LIVE_LOG_SUITE_BOUNDS, LIVE_LOG_SUITE_TENANT, liveLogSuite } from "../../../test/contracts/live-log.suite.ts";
import { missingServices, redisUrl } from "../../../test/services/services.ts";
import { recordingLog } from "../../../test/support/recording-log.ts";
import { systemClock } from "../system/system-clock.ts";
import { openRedis } from "./open-redis.ts";
import { runKey } from "./run-key.ts";

describe.skipIf(await missingServices("redis"))("on Redis", () => {
  liveLogSuite("redis", async () => {
    // Long for a busy machine. The tests of `openRedis` show what happens when the time is up.
    const bounds = { ...LIVE_LOG_SUITE_BOUNDS, timeoutMs: 10_000 };
    const params = { url: await redisUrl(), clock: systemClock, log: recordingLog(), ...bounds };
    const [here, there] = await Promise.all([openRedis(params), openRedis(params)]);
    return {
      liveLog: here.liveLog,
      elsewhere: there.liveLog,
      async wipe(runId) {
        const client = await createClient({ url: params.url }).connect();
        await client.del(runKey({ tenantId: LIVE_LOG_SUITE_TENANT, runId, name: "stream" }));
        client.destroy();
      },
      async close() {
        await Promise.all([here.close(), there.close()]);
      },
    };
  });
});
