import { join } from "node:path";
import type { FakeS3 } from "../support/fake-s3-server.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { experiment } from "./experiment.ts";
import { FAILPOINTS } from "./failpoints.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import type { Link } from "./link.ts";
import { gatewayOf, mixedLoad } from "./loads.ts";
import { FLEET, type Scenario } from "./scenario.ts";
import { listed } from "./tally.ts";
import { tellStories } from "./tell-stories.ts";

/**
 * Two gateways die at each failpoint in turn, side by side, while a third goes on. Without it no run would progress
 * between two deaths, and runs would rightly be given up. `faults`: how many points, in a seeded order. `only`: those
 * whose names contain this text. With an even seed files are kept in the database, and with an odd one in a bucket.
 */
export const failpointDeaths: Scenario = ({ seed, width, faults, only, leaseMs, say }) =>
  experiment({
    ...FLEET,
    filesIn: seed % 2 === 0 ? "database" : "bucket",
    gatewayProgram: join(import.meta.dirname, "failing-main.ts"),
    leaseMs,
    say,
    startLoad: (stage) => mixedLoad(stage, { seed, width, runs: Number.POSITIVE_INFINITY, words: 6 }),
    async act({ stage, load }) {
      const named = FAILPOINTS.filter((point) => point.includes(only));
      const points = shuffled(named, seededRandom(seed)).slice(0, faults);
      const telling = tellStories(stage, seed);
      const broken: string[] = [];
      const left = [...points];
      const dying = [gatewayOf(stage, 0), gatewayOf(stage, 1)];
      const survivor = gatewayOf(stage, 2);
      // Devices and callers cannot reach the third one. Otherwise their calls might never pass a failpoint.
      const doors = [stage.links.devices, stage.links.callers];
      for (const door of doors) door.set(survivor.index, { kind: "cut" });
      const bounce = (door: Link, except: GatewayProcess): void => {
        for (const { index } of stage.gateways) {
          if (index === except.index || (index === survivor.index && door !== stage.links.watchers)) continue;
          door.set(index, { kind: "cut" });
          door.set(index, { kind: "pass" });
        }
      };
      const dieAgainAndAgain = async (gateway: GatewayProcess): Promise<void> => {
        for (let point = left.shift(); point !== undefined; point = left.shift()) {
          gateway.signal("SIGKILL");
          await gateway.ended();
          await gateway.start({ HSAFA_FAILPOINT: point });
          // Sockets would stay on other gateways, so they are cut, and some come back to this one.
          for (const door of [...doors, stage.links.watchers]) bounce(door, gateway);
          if (!(await endsWithin(gateway, FAILPOINT_MAX_MS)))
            broken.push(`no gateway died ${point}: nothing came by there`);
          say(`died ${point}`);
        }
        gateway.signal("SIGKILL");
        await gateway.ended();
        await gateway.start();
      };
      await Promise.all(dying.map(dieAgainAndAgain));
      for (const door of doors) door.set(survivor.index, { kind: "pass" });
      load.stop();
      const stories = await telling.finish();
      return {
        figures: [
          ["points at which a gateway died", `${points.length - broken.length} of ${points.length}`],
          ["stories", listed(stories.told)],
          ["files are kept in", stage.bucket === null ? "the database" : `a bucket, of ${stage.bucket.put} chunks`],
        ],
        broken: [...broken, ...stories.faults, ...(stage.bucket === null ? [] : faultsOf(stage.bucket))],
      };
    },
  });

/** What must not be of a bucket: that it refused a request, or that nothing was put into it. */
function faultsOf({ refused, put }: FakeS3): string[] {
  if (put === 0) return ["no chunk of a file came into the bucket"];
  return refused.length === 0 ? [] : [`the bucket refused requests: ${refused.join()}`];
}

/**
 * How long the load may take to pass a point, in milliseconds. Some are passed by one story in many, and only if its
 * run is held by this gateway.
 */
const FAILPOINT_MAX_MS = 120_000;

async function endsWithin(gateway: GatewayProcess, limitMs: number): Promise<boolean> {
  const limit = Promise.withResolvers<false>();
  const timer = setTimeout(() => limit.resolve(false), limitMs);
  const hasEnded = await Promise.race([gateway.ended().then(() => true), limit.promise]);
  clearTimeout(timer);
  return hasEnded;
}

function shuffled<T>(list: readonly T[], dice: () => number): T[] {
  return list
    .map((item) => ({ item, at: dice() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
