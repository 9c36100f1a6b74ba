/**
 * `npm run fuzz -- [--inputs N] [--seed N] [--door NAME]… [--embedded]`: throws inputs at every door of a gateway on
 * Postgres and Redis. Most are valid by the schemas and then changed. It prints what became of them, and what the
 * gateway holds before and after. Exits with 0 only if no input brought about an error of the gateway, nothing ended,
 * and memory did not grow beyond `HEAP_GROWTH_BYTES_MAX`.
 */
import { parseArgs } from "node:util";
import { startServices } from "../abuse/target.ts";
import { DOORS } from "./doors.ts";
import { startFuzzTarget } from "./fuzz-target.ts";
import { HEAP_GROWTH_BYTES_MAX, heapGrowthBytes, tableOf } from "./fuzz-report.ts";
import { type DoorTally, playDoor } from "./play-doors.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    door: { type: "string", multiple: true, default: [] },
    embedded: { type: "boolean", default: false },
  },
});
const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
const doors = DOORS.filter(({ name }) => values.door.length === 0 || values.door.some((word) => name.includes(word)));
if (!Number.isSafeInteger(inputs) || inputs < 100 || !Number.isSafeInteger(seed) || doors.length === 0) {
  console.error(
    `--inputs takes 100 or more, --seed a whole number, --door a part of: ${DOORS.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const services = values.embedded ? null : await startServices();
const target = await startFuzzTarget(services ?? {});
const share = doors.reduce((sum, one) => sum + one.share, 0);
const played = async (part: number, offset: number): Promise<DoorTally[]> => {
  const tallies: DoorTally[] = [];
  for (const one of doors) {
    const count = Math.max(1, Math.round((inputs * part * one.share) / share));
    tallies.push(await playDoor(one, target, { inputs: count, seed: seed + offset }));
  }
  return tallies;
};
const since = performance.now();
// What a gateway keeps of its first requests is no growth.
const warming = await played(0.1, 0);
const before = target.ended() === null ? await target.held() : null;
const rest = await played(0.9, 1_000_000);
const after = target.ended() === null ? await target.held() : null;
const tallies = [...warming, ...rest];
console.log(tableOf(tallies, { before, after }));
console.log(`\nseed ${seed}, ${Math.round((performance.now() - since) / 1000)} s`);
const faults = tallies.flatMap(({ name, faults: list }) => list.map((fault) => `${name}: ${fault}`));
if (target.ended() !== null) faults.push(`the gateway ended: ${target.ended()}`);
const growth = before === null || after === null ? 0 : heapGrowthBytes(before, after);
if (growth > HEAP_GROWTH_BYTES_MAX) faults.push(`memory grew by ${Math.round(growth / 1024 ** 2)} MiB`);
console.log(faults.length === 0 ? "No fault." : `FAULTS:\n${faults.join("\n")}\n${target.log().slice(-4000)}`);
await target.remove();
await services?.remove();
process.exit(faults.length === 0 ? 0 : 1);
