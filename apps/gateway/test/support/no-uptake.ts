import type { Uptake } from "../../src/ports/uptake.ts";

/** A gateway that takes no run up by itself. */
export const NO_UPTAKE: Uptake = { start: (_, start) => start(null), answer: (_, _about, answer) => answer(null) };
