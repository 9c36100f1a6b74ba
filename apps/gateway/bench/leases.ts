/**
 * What claims cost beside many held runs and an old snapshot: `node apps/gateway/bench/leases.ts --runs 10000 --seconds
 * 600`. It is the measurement `leases` of the benchmark, with more runs and for longer.
 */
import { parseArgs } from "node:util";
import { measureLeases } from "./measurements/leases.ts";
import { ratiosText, reportText } from "./report.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "10000" }, seconds: { type: "string", default: "600" } },
});
const report = await measureLeases({ runs: Number(values.runs), seconds: Number(values.seconds) });
console.log(`${reportText(report)}\n\n${ratiosText([report])}`);
