import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { ROOM_WAIT_MS, RUN_BYTES_FREE } from "./limits.ts";
import { RecordRoom, type RunRoom } from "./record-room.ts";

const MB = 1024 * 1024;

function world(bytesMax: number) {
  const clock = new ManualClock();
  const room = new RecordRoom({ clock, bytesMax });
  /** What became of each reservation, by name. */
  const got: Record<string, boolean> = {};
  const reserve = (name: string, run: RunRoom, bytes: number): void => {
    void run.reserve(bytes).then((isTaken) => (got[name] = isTaken));
  };
  const settled = async (): Promise<typeof got> => {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    return got;
  };
  return { clock, room, reserve, settled };
}

/** A run that has so many bytes beyond what it may have anyway. */
function holding(room: RecordRoom, tenantId: string, bytes: number): RunRoom {
  const run = room.open(tenantId);
  run.has("record", RUN_BYTES_FREE + bytes);
  return run;
}

test("runs that are small never wait, whatever others have", async () => {
  const { room, reserve, settled } = world(4 * MB);
  holding(room, "large", 4 * MB);
  const small = room.open("large");
  small.has("record", RUN_BYTES_FREE / 2);
  reserve("small", small, RUN_BYTES_FREE / 2);
  expect(await settled()).toEqual({ small: true });
  expect(room.taken).toBe(4 * MB);
});

test("a tenant with large runs leaves room for others: alone it gets three quarters (R9)", async () => {
  const { room, reserve, settled } = world(16 * MB);
  for (let nth = 0; nth < 20; nth += 1) {
    const run = holding(room, "large", 0);
    reserve(String(nth), run, MB);
  }
  expect(Object.values(await settled())).toEqual(Array.from({ length: 12 }, () => true));
  expect(room.taken).toBe(12 * MB);
  reserve("other", holding(room, "other", 0), 2 * MB);
  expect(await settled()).toMatchObject({ other: true });
});

test("what becomes free goes to the run that was taken up first, and what a run gives back is counted once", async () => {
  const { room, reserve, settled } = world(16 * MB);
  const early = holding(room, "t", 4 * MB);
  const late = holding(room, "t", 4 * MB);
  const done = holding(room, "t", 4 * MB);
  reserve("late", late, 2 * MB);
  reserve("early", early, 4 * MB);
  expect(await settled()).toEqual({});
  done.leave();
  done.leave();
  expect(await settled()).toEqual({ early: true });
  expect(room.taken).toBe(12 * MB);
  early.leave();
  expect(await settled()).toEqual({ early: true, late: true });
  late.has("record", RUN_BYTES_FREE + 5 * MB);
  expect(room.taken).toBe(5 * MB);
  late.has("thread", MB);
  expect(room.taken).toBe(6 * MB);
  late.leave();
  expect(room.taken).toBe(0);
});

test("runs that have taken room do not wait for each other: the later one gives way, whichever waits first", async () => {
  for (const laterWaitsFirst of [true, false]) {
    const { room, reserve, settled } = world(8 * MB);
    const [early, late] = [holding(room, "t", 0), holding(room, "t", 0)];
    reserve("early 1", early, 3 * MB);
    reserve("late 1", late, 3 * MB);
    expect(await settled()).toEqual({ "early 1": true, "late 1": true });
    early.has("record", RUN_BYTES_FREE + 3 * MB);
    late.has("record", RUN_BYTES_FREE + 3 * MB);
    const again = { early: () => reserve("early 2", early, 3 * MB), late: () => reserve("late 2", late, 3 * MB) };
    (laterWaitsFirst ? again.late : again.early)();
    (laterWaitsFirst ? again.early : again.late)();
    expect(await settled()).toEqual({ "early 1": true, "late 1": true, "late 2": false });
    late.leave();
    expect(await settled()).toMatchObject({ "early 2": true });
  }
});

test("a run that comes later takes nothing before one that waits", async () => {
  const { room, reserve, settled } = world(8 * MB);
  const full = holding(room, "t", 4 * MB);
  reserve("early", holding(room, "t", 0), 4 * MB);
  reserve("late", holding(room, "t", 0), MB);
  expect(await settled()).toEqual({});
  full.leave();
  expect(await settled()).toEqual({ early: true, late: true });
});

test("a run that waits too long is told so, and one that is let go meanwhile keeps nothing", async () => {
  const { clock, room, reserve, settled } = world(4 * MB);
  const full = holding(room, "t", 3 * MB);
  const patient = holding(room, "t", 0);
  const gone = holding(room, "t", 0);
  reserve("patient", patient, MB);
  clock.advance(ROOM_WAIT_MS - 1);
  reserve("gone", gone, MB);
  expect(await settled()).toEqual({});
  clock.advance(1);
  expect(await settled()).toEqual({ patient: false });
  gone.leave();
  full.leave();
  expect(await settled()).toEqual({ patient: false, gone: false });
  expect(room.taken).toBe(0);
});

test("nobody waits any more once the gateway stops", async () => {
  const { room, reserve, settled } = world(4 * MB);
  holding(room, "t", 3 * MB);
  reserve("before", holding(room, "t", 0), MB);
  room.close();
  reserve("after", holding(room, "t", 0), MB);
  expect(await settled()).toEqual({ before: false, after: false });
});
