import { RUN_TURNS } from "./turns/run-turns.ts";
import { OPERATOR_TURNS } from "./turns/operator-turns.ts";
import { SOCKET_TURNS } from "./turns/socket-turns.ts";
import { STRANGER_TURNS } from "./turns/stranger-turns.ts";
import type { Turn } from "./turn.ts";

/** Everything that happens in a soak. */
export const TURNS: readonly Turn[] = [...RUN_TURNS, ...SOCKET_TURNS, ...OPERATOR_TURNS, ...STRANGER_TURNS];
