/**
 * What devices and watchers cost: `node apps/gateway/bench/devices.ts --count 5000 --tenants 40`. It is the measurement
 * `devices` of the benchmark, with more clients. `--parts idle,devices,watchers` also tells the memory of an idle
 * gateway, and of an idle watcher. `--width`: how many clients await their admission at once.
 */
import { parseArgs } from "node:util";
import { DEVICE_PARTS, measureDevices } from "./measurements/devices.ts";
import { ratiosText, reportText } from "./report.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "5000" },
    tenants: { type: "string", default: "40" },
    width: { type: "string", default: "200" },
    parts: { type: "string", default: DEVICE_PARTS.join(",") },
  },
});
const asked = values.parts.split(",");
const reports = await measureDevices({
  count: Number(values.count),
  tenants: Number(values.tenants),
  width: Number(values.width),
  parts: DEVICE_PARTS.filter((part) => asked.includes(part)),
});
console.log([...reports.map(reportText), ratiosText(reports)].join("\n\n"));
