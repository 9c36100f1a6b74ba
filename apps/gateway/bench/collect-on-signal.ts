/**
 * Loaded before a program that is measured (`--import`). At SIGUSR2 it collects all garbage, and prints what is left in
 * the heap and outside, in bytes. The program prints nothing else to its standard error then.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (how: object) => void;
process.on("SIGUSR2", () => {
  // This also gives back the pages that V8 would keep for what is still to come.
  collect({ execution: "sync", flavor: "last-resort" });
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.stderr.write(`collected ${JSON.stringify({ heapUsed, external, arrayBuffers })}\n`);
});
