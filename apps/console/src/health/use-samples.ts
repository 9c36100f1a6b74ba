import type { Fleet } from "@hsafa/protocol";
import { useEffect, useState } from "react";
import { FLEET_SAMPLES } from "../limits.ts";
import { fleetNumbers } from "./fleet-numbers.ts";

/** The numbers of the page as they were since it was opened, by name. */
export function useSamples(fleet: Fleet): ReadonlyMap<string, readonly number[]> {
  const [samples, setSamples] = useState<ReadonlyMap<string, readonly number[]>>(new Map());
  useEffect(() => {
    setSamples(
      (before) =>
        new Map(
          fleetNumbers(fleet).map(({ name, value }) => [
            name,
            [...(before.get(name) ?? []), value].slice(-FLEET_SAMPLES),
          ]),
        ),
    );
  }, [fleet]);
  return samples;
}
