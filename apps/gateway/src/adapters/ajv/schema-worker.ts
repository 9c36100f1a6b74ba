/** The program of a worker thread: it does one job after the other. */
import { parentPort } from "node:worker_threads";
import { draftOf } from "./drafts.ts";
import { SchemaChecker } from "./schema-checker.ts";
import type { SchemaJob, SchemaJobResult } from "./schema-job.ts";

/** What a schema worker says: that it can begin, or what became of its job. */
export type SchemaWorkerMessage = "ready" | SchemaJobResult;

const checker = new SchemaChecker();
// The meta schema is compiled before the first job, whose time it would take.
draftOf({})?.metaSchema({});
const say = (message: SchemaWorkerMessage): void => parentPort?.postMessage(message, []);
parentPort?.on("message", (job: SchemaJob) => say(checker.perform(job)));
say("ready");
