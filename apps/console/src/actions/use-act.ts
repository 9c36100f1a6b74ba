import { HsafaError } from "@hsafa/client";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

/** Something that a person does at the gateway. */
export interface Act {
  /** Does it, and returns whether it was done. If not, `fault` says why. */
  readonly act: (what: () => Promise<unknown>) => Promise<boolean>;
  readonly isActing: boolean;
  /** What the gateway said, in its own words. */
  readonly fault: string | null;
}

/** What a person does is followed by reading anew what it may have changed. */
export function useAct(): Act {
  const queries = useQueryClient();
  const [isActing, setActing] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  return {
    isActing,
    fault,
    async act(what) {
      setActing(true);
      setFault(null);
      try {
        await what();
        return true;
      } catch (error) {
        setFault(error instanceof HsafaError ? (error.problem?.detail ?? error.message) : String(error));
        return false;
      } finally {
        setActing(false);
        void queries.invalidateQueries();
      }
    },
  };
}
