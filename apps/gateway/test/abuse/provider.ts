/**
 * A process that answers the models of the attacker until it is killed. It prints its URL when it serves. It runs with
 * the lowest priority, because a real provider has a machine of its own.
 */
import { setPriority } from "node:os";
import { startHostileProvider } from "./hostile-provider.ts";

const LOWEST_PRIORITY = 19;

setPriority(LOWEST_PRIORITY);
const { url } = await startHostileProvider();
console.log(url);
