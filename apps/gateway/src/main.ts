/**
 * The program of `hsafa start`: one gateway in the foreground, until SIGTERM or SIGINT. With `HSAFA_WORKERS` it is the
 * process that looks after several, and the program of each of them.
 */
import { fileURLToPath } from "node:url";
import { readSettings } from "./config.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { CLOSE_TIMEOUT_MS } from "./limits.ts";
import { redactSecrets } from "./core/redact-secrets.ts";
import { releaseStartMemory } from "./release-start-memory.ts";
import { secretsOfSettings } from "./secrets-of-settings.ts";
import { findStarter, stopRequest } from "./stop-request.ts";
import { superviseWorkers, workersOf } from "./supervise-workers.ts";
import { openWorkerLink } from "./worker-link.ts";

process.on("uncaughtException", (error) => fail("an error that nobody caught", error));
process.on("unhandledRejection", (error) => fail("a promise that nobody awaited", error));

/** What no output of this program tells, once it is known. */
let secrets: readonly string[] = [];

function fail(what: string, error: unknown): never {
  // The state in this process is of no use any more: other gateways, and the next start, go on from the store.
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${what}: ${redactSecrets(told, secrets)}\n`);
  process.exit(1);
}

function close(gateway: Gateway, why: string): void {
  // Without a parent there may be nobody who reads this.
  process.stderr.on("error", () => {});
  process.stderr.write(`the gateway stops: ${why}\n`);
  setTimeout(() => fail("closing took too long", new Error(`${CLOSE_TIMEOUT_MS} ms`)), CLOSE_TIMEOUT_MS).unref();
  gateway.close().then(
    () => process.exit(0),
    (error: unknown) => fail("closing failed", error),
  );
}

try {
  const starter = await findStarter();
  const read = readSettings();
  const { keys, passwords } = secretsOfSettings(read);
  secrets = [...keys, ...passwords];
  // Where others write the tools, this machine is as private as the rest of the operator's network.
  const settings = { ...read, outboundAllow: read.outboundAllow ?? [] };
  const worker = openWorkerLink();
  const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  const onServing = (url: string): void => void process.stdout.write(`listening on ${url}\n`);
  const count = workersOf(settings);
  if (worker === null && count > 1) {
    const stop = stopRequest(settings, starter);
    const program = fileURLToPath(import.meta.url);
    process.exit(await superviseWorkers({ count, program, onServing, say, stop }));
  } else {
    const gateway = await startGateway(settings, { worker });
    const stop = stopRequest(settings, starter);
    releaseStartMemory();
    (worker?.serves ?? onServing)(gateway.url);
    void stop.then((why) => close(gateway, why));
  }
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${redactSecrets(message, secrets)}\n`);
  // The channel to the process that looks after it would keep a worker alive.
  process.exit(1);
}
