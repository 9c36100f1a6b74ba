import { expect, test } from "vitest";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { SilenceWatch } from "./silence-watch.ts";

function startWatch() {
  const clock = new ManualClock();
  let silences = 0;
  const watch = new SilenceWatch({ clock, limitMs: 100, onSilence: () => (silences += 1) });
  return { clock, watch, silences: () => silences };
}

test("silence is told once, exactly when it has lasted the limit since the last word", () => {
  const { clock, watch, silences } = startWatch();
  clock.advance(60);
  watch.heard();
  clock.advance(99);
  expect(silences()).toBe(0);
  clock.advance(1);
  expect(silences()).toBe(1);
  clock.advance(1000);
  expect(silences()).toBe(1);
});

test("a pause of the reader is not taken for silence, and the limit runs anew after it", async () => {
  const { clock, watch, silences } = startWatch();
  const pause = Promise.withResolvers<void>();
  const paused = watch.during(pause.promise);
  clock.advance(1000);
  expect(silences()).toBe(0);
  pause.resolve();
  await paused;
  clock.advance(99);
  expect(silences()).toBe(0);
  clock.advance(100);
  expect(silences()).toBe(1);
});

test("pauses that overlap are one pause, and what was silence before it still counts", async () => {
  const { clock, watch, silences } = startWatch();
  clock.advance(60);
  const [long, short] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const [paused, pausedShortly] = [watch.during(long.promise), watch.during(short.promise)];
  clock.advance(1000);
  short.resolve();
  await pausedShortly;
  clock.advance(1000);
  expect(silences()).toBe(0);
  long.resolve();
  await paused;
  clock.advance(39);
  expect(silences()).toBe(0);
  clock.advance(61);
  expect(silences()).toBe(1);
});

test("a stopped watch says nothing", () => {
  const { clock, watch, silences } = startWatch();
  watch.stop();
  clock.advance(1000);
  expect(silences()).toBe(0);
});
