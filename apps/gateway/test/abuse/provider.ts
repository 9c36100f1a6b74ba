/**
 * A process that answers the models of the attacker until it is killed. It prints its URL when it serves. It runs with
 * the lowest priority, because a real provider has a machine of its own.
 */
import { startHostileProvider } from "./hostile-provider.ts";
import { takeLowestPriority } from "./take-lowest-priority.ts";

takeLowestPriority();
const { url } = await startHostileProvider();
console.log(url);
