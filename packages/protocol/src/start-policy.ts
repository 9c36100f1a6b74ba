/**
 * What a start does about runs of its thread that have not ended. `queue`: it takes its turn after them. `reject`: it
 * is refused. `interrupt`: they are canceled, and it follows. `steer`: its message enters the one that is active.
 */
export const START_POLICIES = ["queue", "reject", "interrupt", "steer"] as const;

/** One of the policies of a start. */
export type StartPolicy = (typeof START_POLICIES)[number];
