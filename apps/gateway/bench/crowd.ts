import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CrowdPlan, CrowdReport } from "./device-crowd.ts";

const LOOK_MS = 20;

/** Many clients in a process of their own. */
export interface Crowd {
  readonly report: () => CrowdReport;
  /** Resolves with the time of the first report for which this holds. */
  readonly until: (holds: (report: CrowdReport) => boolean) => Promise<number>;
  stop(): void;
}

export function startCrowd(plan: CrowdPlan): Crowd {
  const child = fork(fileURLToPath(new URL("device-crowd.ts", import.meta.url)));
  let report: CrowdReport = { open: 0, moved: 0, closed: 0, vain: 0, cpuMs: 0 };
  let heardAt = 0;
  child.on("message", (told: CrowdReport) => {
    report = told;
    heardAt = performance.now();
  });
  child.send(plan);
  return {
    report: () => report,
    stop: () => void child.kill(),
    async until(holds) {
      while (!holds(report)) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error("a crowd has ended");
        await sleep(LOOK_MS);
      }
      return heardAt;
    },
  };
}
