import { useEffect, useRef, useState } from "react";
import { LANE_FACTS_AT_ONCE } from "../../limits.ts";
import { drawn } from "../drawn.ts";
import type { RunRecord } from "../record/run-record.ts";
import { type KnownCall, Lanes } from "./lanes.ts";

/** Lanes of some facts in a row. */
export interface BuiltLanes {
  readonly lanes: Lanes;
  readonly from: number;
  readonly to: number;
}

/**
 * The lanes of the facts from one up to another. Facts that come at the end are added. Anything else makes them anew, a
 * slice at a time, and until that is done those from before are shown. Null: there are none yet.
 */
export function useLanes(params: {
  readonly record: RunRecord;
  readonly from: number;
  readonly to: number;
  readonly calls: readonly KnownCall[];
}): BuiltLanes | null {
  const { record, from, to, calls } = params;
  const work = useRef<{ readonly lanes: Lanes; readonly of: readonly unknown[]; to: number } | null>(null);
  const [built, setBuilt] = useState<BuiltLanes | null>(null);
  useEffect(() => {
    let timer = 0;
    let isStopped = false;
    const of = [record, from, calls];
    if (work.current === null || of.some((one, index) => one !== work.current?.of[index]) || work.current.to > to)
      work.current = { lanes: new Lanes(calls), of, to: from - 1 };
    const { current } = work;
    const goOn = (): void => {
      if (isStopped) return;
      for (const end = Math.min(to, current.to + LANE_FACTS_AT_ONCE); current.to < end; ) {
        current.to += 1;
        const fact = record.fact(current.to);
        if (fact !== undefined) current.lanes.take(fact);
      }
      if (current.to < to) timer = window.setTimeout(goOn);
      else setBuilt({ lanes: current.lanes, from, to });
    };
    // What people read comes first.
    if (current.to < from) void drawn().then(goOn);
    else goOn();
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }, [record, from, to, calls]);
  return built;
}
