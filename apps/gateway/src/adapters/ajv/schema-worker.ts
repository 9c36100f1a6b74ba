/** The program of a worker thread: it does one job after the other. */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { draftOf } from "./drafts.ts";
import { SchemaChecker } from "./schema-checker.ts";
import { WORKER_PRIORITY } from "./limits.ts";
import type { SchemaJob, SchemaJobResult } from "./schema-job.ts";

/** What a schema worker says: that it can begin, or what became of its job. */
export type SchemaWorkerMessage = "ready" | SchemaJobResult;

// On Linux this is the priority of the calling thread alone. Foreign schemas leave a core to the gateway's own thread.
if (process.platform === "linux") setPriority(WORKER_PRIORITY);
const checker = new SchemaChecker();
// The meta schema is compiled before the first job, whose time it would take.
draftOf({})?.metaSchema({});
const say = (message: SchemaWorkerMessage): void => parentPort?.postMessage(message, []);
parentPort?.on("message", (job: SchemaJob) => say(checker.perform(job)));
say("ready");
