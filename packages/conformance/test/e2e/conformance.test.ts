import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../../../../apps/gateway/test/support/test-gateway.ts";
import { DEVICE_CASES, STREAM_CASES } from "../../src/cases.ts";
import { type LiveGateway, liveGateway } from "../../src/live-gateway.ts";
import { playDeviceCase } from "../../src/play-device-case.ts";
import { playStreamCase } from "../../src/play-stream-case.ts";

const program = (name: string): string => fileURLToPath(new URL(`../../programs/${name}`, import.meta.url));
const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.log("There is no python3 on this machine, so the device in Python is not tried.");

const DEVICES = [
  { name: "the SDK", command: [process.execPath, program("device.ts")], isHere: true },
  { name: "Python", command: ["python3", program("device.py")], isHere: hasPython },
];

describe("clients of a live gateway", () => {
  let gateway: TestGateway;
  let live: LiveGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
    live = liveGateway(gateway.url, gateway.apiKey);
  });
  afterAll(() => gateway.close());

  // Cases that take 20 seconds are played by `npm run conformance`. `dead-line` tries what they try with the SDK.
  const quick = DEVICE_CASES.filter(({ isSlow }) => isSlow !== true);
  for (const { name, command, isHere } of DEVICES) {
    describe.skipIf(!isHere)(`a device in ${name}`, () => {
      test.concurrent.each(quick)("$name", async (one) => {
        expect(await playDeviceCase(live, { command, env: process.env }, one)).toEqual([]);
      });
    });
  }

  test.concurrent.each(STREAM_CASES.filter(({ isSlow }) => isSlow !== true))(
    "a stream of the SDK: $name",
    async (one) => {
      const command = [process.execPath, program("stream.ts")];
      expect(await playStreamCase(live, { command, env: process.env }, one)).toEqual([]);
    },
  );

  test("a device that answers wrongly does not pass", async () => {
    const [first] = DEVICE_CASES;
    if (first === undefined) throw new Error("there are no cases");
    const wrong = { ...first, expect: { ...first.expect, calls: [{ result: "another" }] } };
    expect(
      await playDeviceCase(live, { command: [process.execPath, program("device.ts")], env: process.env }, wrong),
    ).toEqual([expect.stringContaining("call 1 ended as")]);
  });
});
