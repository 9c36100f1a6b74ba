/**
 * A process that plays attacks until it is killed: `attacker.ts <url> <key> <name>…`. It prints `attacking` when they
 * have begun. It runs with the lowest priority, because a real attacker has a machine of its own.
 */
import { ATTACKS } from "./attacks.ts";
import { HostileClient } from "./hostile-client.ts";
import { takeLowestPriority } from "./take-lowest-priority.ts";

takeLowestPriority();
const [url = "", key = "", ...names] = process.argv.slice(2);
const chosen = ATTACKS.filter(({ name }) => names.includes(name));
const stop = new AbortController();
process.on("SIGTERM", () => process.exit(0));
console.log("attacking");
await Promise.all(chosen.map((attack) => attack.run(new HostileClient({ url, key }), stop.signal)));
