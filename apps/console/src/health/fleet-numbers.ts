/** What the health page counts. It is pure. */
import type { Fleet, FleetGateway } from "@hsafa/protocol";
import { DUE_TROUBLE_MS } from "../limits.ts";
import { grouped } from "../words/count.ts";
import { duration } from "../words/duration.ts";
import { gatewayWords } from "./gateway-words.ts";

/** A number of the page. `isTrouble`: somebody should look. */
export interface FleetNumber {
  readonly name: string;
  readonly value: number;
  readonly shown: string;
  readonly about: string;
  readonly isTrouble: boolean;
}

/** The numbers of the page, in its order. */
export function fleetNumbers(fleet: Fleet): FleetNumber[] {
  const now = Date.parse(fleet.asOf);
  const living = fleet.gateways.filter((gateway) => gatewayWords(gateway, now).tone === "completed");
  const silent = fleet.gateways.filter((gateway) => gatewayWords(gateway, now).tone === "failed").length;
  const sum = (of: (report: NonNullable<FleetGateway["report"]>) => number): number =>
    living.reduce((total, { report }) => total + (report === null ? 0 : of(report)), 0);
  const [oldest] = fleet.oldestDue;
  const waits = oldest === undefined ? 0 : Math.max(0, now - Date.parse(oldest.dueAt));
  const number = (name: string, value: number, about: string, isTrouble = false): FleetNumber => ({
    name,
    value,
    shown: grouped(value),
    about,
    isTrouble,
  });
  return [
    {
      ...number("queue age", waits, "How long the run has waited that is due for longest", waits > DUE_TROUBLE_MS),
      shown: oldest === undefined ? "none waits" : duration(waits),
    },
    number("due", fleet.dueRuns, "Runs that could go on and wait for a gateway"),
    number("queued", fleet.queuedRuns, "Runs that nobody has begun"),
    number(
      "in progress",
      fleet.activeRuns,
      "Runs that have begun and not ended, those that wait for a call among them",
    ),
    number(
      "recovering",
      fleet.recoveringRuns,
      "Runs that lost their gateway and made no progress since",
      fleet.recoveringRuns > 0,
    ),
    {
      ...number("gateways", living.length, "Gateways that serve", silent > 0),
      shown: silent === 0 ? grouped(living.length) : `${grouped(living.length)}, ${grouped(silent)} silent`,
    },
    number(
      "watchers",
      sum(({ watchers }) => watchers),
      "Clients that follow runs",
    ),
    number(
      "devices",
      sum(({ devices }) => devices),
      "Devices that are connected",
    ),
  ];
}
