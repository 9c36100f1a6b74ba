import { expect, test } from "vitest";
import { recordingLog } from "../../test/support/recording-log.ts";
import { Listeners } from "./listeners.ts";

test("a listener that throws is logged, and the others hear the message", () => {
  const log = recordingLog();
  const listeners = new Listeners<string>(log);
  const heard: string[] = [];
  listeners.add(() => {
    throw new Error("a bug of this listener");
  });
  listeners.add((message) => heard.push(message));
  listeners.tell("one");
  expect(heard).toEqual(["one"]);
  expect(log.errors).toEqual(["a listener failed: a bug of this listener"]);
});

test("a function added twice is two listeners, and each is removed alone", () => {
  const listeners = new Listeners<string>(recordingLog());
  const heard: string[] = [];
  const listener = (message: string): void => void heard.push(message);
  const leave = listeners.add(listener);
  listeners.add(listener);
  leave();
  leave();
  listeners.tell("one");
  expect(heard).toEqual(["one"]);
  expect(listeners.size).toBe(1);
});
