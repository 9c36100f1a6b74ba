/**
 * `npm run demo`: plays one run from push to its last event, and checks on the way what hsafa promises about it.
 * Gateway and device are processes of their own. The demo starts them with the commands that a person types. The demo
 * itself is a client like any other. It exits with 0 only if all ten steps held.
 */
import { createNarrator, DemoFailed } from "./narrator.ts";
import { play } from "./play.ts";
import { readDemoSettings, SCRIPTED_MODEL } from "./settings.ts";
import { setStage } from "./stage.ts";

/** The demo takes a few seconds. A cold and busy machine needs longer. */
const SCRIPTED_LIMIT_MS = 180_000;
const MODEL_LIMIT_MS = 300_000;

const settings = readDemoSettings();
if (typeof settings === "string") {
  process.stderr.write(`${settings}\n`);
  process.exit(2);
}

const { model } = settings;
const narrator = createNarrator();
const limitMs = model === SCRIPTED_MODEL ? SCRIPTED_LIMIT_MS : MODEL_LIMIT_MS;
const ending = new AbortController();
const timer = setTimeout(() => ending.abort(new DemoFailed(`to be done within ${limitMs / 1000} s`)), limitMs);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => ending.abort(new Error("it was interrupted")));
const ended = new Promise<never>((_resolve, reject) => {
  ending.signal.addEventListener("abort", () => reject(ending.signal.reason as Error));
});
const opened: (() => Promise<void>)[] = [];
let hasBegun = false;

narrator.heading(`hsafa: an agent runs on a server, uses a tool on a device, and its watchers miss nothing (${model})`);
try {
  const stage = await Promise.race([setStage(settings, narrator, opened), ended]);
  process.stdout.write("\n");
  hasBegun = true;
  await Promise.race([play(stage, model, narrator, ending.signal), ended]);
  narrator.heading(`All ${narrator.due - 1} steps held. Next, by hand: npx hsafa dev (see the README)`);
} catch (error) {
  process.exitCode = 1;
  const what =
    error instanceof DemoFailed ? `expected ${error.message}` : error instanceof Error ? error.message : String(error);
  narrator.failed(hasBegun ? what : `before the first step: ${what}`);
} finally {
  clearTimeout(timer);
  ending.abort(new Error("the demo is over"));
  for (const close of opened.toReversed()) await close();
}
