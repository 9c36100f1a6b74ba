import { InvalidArgumentError } from "commander";
import { START_POLICIES, type StartPolicy } from "@hsafa/protocol";

/** What the option says of itself. */
export const POLICY_OPTION = `while another run of the conversation is in progress: ${START_POLICIES.join(", ")}; queue if left out`;

/** Reads what becomes of a message while another run is in progress. Throws for what is no policy. */
export function readPolicy(text: string): StartPolicy {
  const policy = START_POLICIES.find((candidate) => candidate === text);
  if (policy === undefined)
    throw new InvalidArgumentError(`'${text}' is no policy; policies are ${START_POLICIES.join(", ")}.`);
  return policy;
}
