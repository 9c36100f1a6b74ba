import { answeredCalls } from "./answered-calls.ts";
import type { Dialect } from "./dialect.ts";
import { wellFormed } from "./well-formed.ts";

/** The demo provider plays scripts by the number of the model's turns, and takes everything as it is. */
export const demo: Dialect = {
  name: "demo",
  say: (turns) => ({ messages: answeredCalls(wellFormed(turns)), leftOut: [] }),
};
