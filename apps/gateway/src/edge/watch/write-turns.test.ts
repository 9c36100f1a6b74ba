import { expect, test } from "vitest";
import { WriteTurns } from "./write-turns.ts";

function openTurns() {
  const said: string[] = [];
  const later: (() => void)[] = [];
  const socket = { isFull: false };
  const turns = new WriteTurns({ isFull: () => socket.isFull, later: (callback) => void later.push(callback) });
  const watcher = (name: string) => ({
    drained: () => void said.push(`${name} writes`),
    progressed: () => void said.push(`${name} is slow`),
  });
  return { said, socket, turns, watcher, run: () => later.splice(0).forEach((callback) => callback()) };
}

test("watchers of a full socket go on one at a time, and the others keep their places when it is full again", () => {
  const { said, socket, turns, watcher, run } = openTurns();
  const [first, second] = [watcher("first"), watcher("second")];
  turns.wait(first);
  turns.wait(second);
  turns.wait(first);
  turns.next();
  expect(said).toEqual(["first writes"]);
  socket.isFull = true;
  turns.wait(first);
  run();
  expect(said).toEqual(["first writes"]);
  socket.isFull = false;
  turns.next();
  run();
  expect(said).toEqual(["first writes", "second writes", "first writes"]);
});

test("all watchers that wait are told that the socket is not stalled, and none that has gone", () => {
  const { said, turns, watcher } = openTurns();
  const gone = watcher("gone");
  turns.wait(gone);
  turns.wait(watcher("slow"));
  turns.remove(gone);
  turns.progressed();
  expect(said).toEqual(["slow is slow"]);
  turns.clear();
  turns.next();
  expect(said).toEqual(["slow is slow"]);
});
