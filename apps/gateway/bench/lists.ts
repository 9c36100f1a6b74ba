/**
 * What a list of 50 costs beside many runs: `node apps/gateway/bench/lists.ts --runs 1000000`. It is the measurement
 * `lists` of the benchmark, with more runs. `--no-statistics`: Postgres knows nothing of the tables.
 */
import { parseArgs } from "node:util";
import { measureLists } from "./measurements/lists.ts";
import { ratiosText, reportText } from "./report.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "1000000" }, "no-statistics": { type: "boolean", default: false } },
});
const report = await measureLists({ runs: Number(values.runs), hasStatistics: !values["no-statistics"] });
console.log(`${reportText(report)}\n\n${ratiosText([report])}`);
