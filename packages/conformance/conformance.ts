/**
 * `npm run conformance -- --url URL --key KEY --device "COMMAND"` or `--stream "COMMAND"`: tries a client in any
 * language against a gateway that runs, case by case. `--quick` leaves out the cases that take some 20 seconds, and
 * `--only` takes a part of a name. Exits with 0 only if each case passed.
 */
import { parseArgs } from "node:util";
import { DEVICE_CASES, STREAM_CASES } from "./src/cases.ts";
import { liveGateway } from "./src/live-gateway.ts";
import { playDeviceCase } from "./src/play-device-case.ts";
import { playStreamCase } from "./src/play-stream-case.ts";
import type { TriedProgram } from "./src/started-program.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string", default: process.env.HSAFA_URL ?? "http://127.0.0.1:3000" },
    key: { type: "string", default: process.env.HSAFA_API_KEY ?? "" },
    device: { type: "string" },
    stream: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});
if (values.device === undefined && values.stream === undefined) {
  console.error("Name the program to try: --device COMMAND, --stream COMMAND, or both.");
  process.exit(2);
}
const gateway = liveGateway(values.url, values.key);
let [passed, failed] = [0, 0];

async function play<Case extends { readonly name: string; readonly rule: string; readonly isSlow?: boolean }>(
  cases: readonly Case[],
  faultsOf: (one: Case) => Promise<string[]>,
): Promise<void> {
  for (const one of cases) {
    if ((values.quick && one.isSlow === true) || !one.name.includes(values.only)) continue;
    const faults = await faultsOf(one).catch((error: unknown) => [
      error instanceof Error ? error.message : String(error),
    ]);
    console.log(`${faults.length === 0 ? "PASS" : "FAIL"} ${one.name}`);
    for (const fault of faults) console.log(`     ${fault} (PROTOCOL.md, ${one.rule})`);
    if (faults.length === 0) passed += 1;
    else failed += 1;
  }
}

const tried = (command: string): TriedProgram => ({
  command: command.split(" ").filter((word) => word !== ""),
  env: process.env,
});
const { device, stream } = values;
if (device !== undefined) await play(DEVICE_CASES, (one) => playDeviceCase(gateway, tried(device), one));
if (stream !== undefined) await play(STREAM_CASES, (one) => playStreamCase(gateway, tried(stream), one));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
