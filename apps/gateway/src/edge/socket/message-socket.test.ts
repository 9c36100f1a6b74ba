import { describe, expect, test } from "vitest";
import { FakeTransport } from "../../../test/support/fake-transport.ts";
import { settled } from "../../../test/support/fakes.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { recordingLog } from "../../../test/support/recording-log.ts";
import { refuse } from "../../access/refusal.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { MessageSocket } from "./message-socket.ts";
import type { SocketBounds, SocketProtocol } from "./socket-protocol.ts";

const BOUNDS: SocketBounds = {
  queue: { messagesMax: 3, bytesMax: 100 },
  pace: { messages: { perSecond: 10, burst: 50 }, bytes: { perSecond: 1000, burst: 10_000 } },
  strangerBytesMax: 200,
  admissionTimeoutMs: 10_000,
  pingEveryMs: 10_000,
  unheardMaxMs: 20_000,
  faultsMax: 2,
  unsentBytesMax: 100,
  whenUnsent: "close",
};

/** The messages of this protocol are texts; `?` and what follows it breaks the protocol. */
function protocolWith(bounds: Partial<SocketBounds>): SocketProtocol<string, object> {
  return {
    bounds: { ...BOUNDS, ...bounds },
    notAdmitted: { reason: "too_late", closeCode: 4401, detail: "Say who you are.", error: "unauthenticated" },
    read: (text) =>
      text.startsWith("?")
        ? { kind: "invalid", detail: "This is no message.", subject: text.slice(1) }
        : { kind: "message", message: text },
    error: (code, message, about) => ({ error: code, message, about }),
  };
}

/** Here the next turn of the event loop is the next microtask, unless a test brings another `later`. */
function openSocket(bounds: Partial<SocketBounds> = {}, later: (callback: () => void) => void = queueMicrotask) {
  const transport = new FakeTransport();
  const clock = new ManualClock();
  const log = recordingLog();
  const socket = new MessageSocket({ transport, protocol: protocolWith(bounds), clock, log, later });
  const began: string[] = [];
  const ends: string[] = [];
  let sent = 0;
  let confirmations = 0;
  /** What ends the handling of each message; a message that is not held is handled at once. */
  const held: PromiseWithResolvers<void>[] = [];
  let isHolding = false;
  let isClosed = false;
  void socket.closed.then(() => (isClosed = true));
  socket.open({
    handle(message) {
      began.push(message);
      if (!isHolding) return Promise.resolve();
      const handled = Promise.withResolvers<void>();
      held.push(handled);
      return handled.promise;
    },
    confirmed: () => void (confirmations += 1),
    ended: (reason) => void ends.push(reason),
    sent: () => void (sent += 1),
  });
  return {
    transport,
    clock,
    log,
    socket,
    began,
    ends,
    sent: () => sent,
    confirmations: () => confirmations,
    isClosed: () => isClosed,
    /** From now on each message is handled until `handled` is called. */
    hold: () => void (isHolding = true),
    async handled(error?: Error) {
      const next = held.shift();
      if (error === undefined) next?.resolve();
      else next?.reject(error);
      await settled();
    },
  };
}

/** A client that has been admitted. */
function openAdmitted(...params: Parameters<typeof openSocket>) {
  const world = openSocket(...params);
  world.socket.admit({});
  return world;
}

describe("order and bounds", () => {
  test("messages are handled one at a time, in the order they came in", async () => {
    const { transport, began, hold, handled } = openAdmitted();
    hold();
    for (const text of ["a", "b", "c"]) transport.says(text);
    await settled();
    expect(began).toEqual(["a"]);
    await handled();
    expect(began).toEqual(["a", "b"]);
    await handled();
    expect(began).toEqual(["a", "b", "c"]);
  });

  test("a client with too many messages in the queue is not read until one of them is handled", async () => {
    const { transport, hold, handled } = openAdmitted();
    hold();
    for (const text of ["a", "b", "c"]) transport.says(text);
    expect(transport.isPaused).toBe(false);
    transport.says("d");
    expect(transport.isPaused).toBe(true);
    await handled();
    expect(transport.isPaused).toBe(false);
  });

  test("a client with too many bytes in the queue is not read until they are handled", async () => {
    const { transport, hold, handled } = openAdmitted();
    hold();
    transport.says("a");
    transport.says("é".repeat(50));
    expect(transport.isPaused).toBe(true);
    await handled();
    expect(transport.isPaused).toBe(false);
  });

  test("a stranger is not read while its first message is handled", async () => {
    const { transport, socket, hold, handled } = openSocket();
    hold();
    transport.says("who I am");
    expect(transport.isPaused).toBe(true);
    socket.admit({});
    await handled();
    expect(transport.isPaused).toBe(false);
  });

  test("a stranger whose first message is too long is stopped, also before the message is complete", () => {
    const whole = openSocket();
    whole.transport.says("x".repeat(201));
    expect(whole.transport.closedWith).toMatchObject({ code: 4400 });
    const part = openSocket();
    part.transport.brings(150);
    expect(part.transport.closedWith).toBeNull();
    part.transport.brings(51);
    expect(part.transport.closedWith).toMatchObject({ code: 4400 });
    expect(part.transport.sent).toMatchObject([{ error: "payload_too_large" }]);
    expect([...whole.began, ...part.began]).toEqual([]);
  });

  test("bytes of an admitted client are bounded by the transport alone", () => {
    const { transport } = openAdmitted();
    transport.brings(1_000_000);
    expect(transport.closedWith).toBeNull();
  });

  test("a client that does not read is closed when it is to be", () => {
    const { transport, socket, ends } = openAdmitted();
    transport.isHolding = true;
    socket.send({ pad: "x".repeat(200) });
    expect(transport.closedWith).toBeNull();
    socket.send({});
    expect(transport.closedWith).toMatchObject({ code: 4408 });
    expect(ends).toEqual(["not_reading"]);
  });

  test("a client that does not read is held back when it is to be, until it has read", () => {
    const { transport, socket, sent } = openAdmitted({ whenUnsent: "hold" });
    transport.isHolding = true;
    socket.send({ pad: "x".repeat(200) });
    socket.send({});
    expect(socket.isFull).toBe(true);
    transport.says("a");
    expect(transport.isPaused).toBe(true);
    transport.release();
    expect(transport.isPaused).toBe(false);
    expect(socket.isFull).toBe(false);
    expect(sent()).toBe(2);
  });

  test("a batch leaves in one piece", () => {
    const { transport, socket } = openAdmitted();
    socket.sendBatch(['{"n":1}', new TextEncoder().encode('{"n":2}')]);
    expect(transport.sent).toEqual([{ n: 1 }, { n: 2 }]);
    expect(transport.batches).toEqual([2]);
  });
});

describe("pace", () => {
  test("a client that sends faster than its pace is read later, and nothing that it sent is lost", async () => {
    const { transport, clock, began } = openAdmitted({
      pace: { ...BOUNDS.pace, messages: { perSecond: 10, burst: 2 } },
    });
    for (const text of ["a", "b", "c", "d", "e", "f"]) transport.says(text);
    await settled();
    expect(began).toEqual(["a", "b", "c"]);
    expect(transport.isPaused).toBe(true);
    for (let count = 0; count < 10; count += 1) {
      clock.advance(101);
      await settled();
    }
    expect(began).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(transport.isPaused).toBe(false);
  });

  test("the event loop turns between two messages, whatever their handler does", async () => {
    const turns: (() => void)[] = [];
    const { transport, began } = openAdmitted({}, (callback) => void turns.push(callback));
    for (const text of ["a", "b", "c"]) transport.says(text);
    for (const expected of [["a"], ["a", "b"], ["a", "b", "c"]]) {
      await settled();
      expect(began).toEqual(expected);
      turns.shift()?.();
    }
    await settled();
    expect(turns).toEqual([]);
  });

  test("a flood of pings is paid for by reading later, and its silence does not count meanwhile", () => {
    const { transport, clock } = openAdmitted();
    // The transport delivers what it has read already, also while it is paused.
    for (let count = 0; count < 2000; count += 1) transport.pinged();
    expect(transport.isPaused).toBe(true);
    clock.advance(6000);
    expect(transport.isPaused).toBe(false);
    transport.pinged();
    expect(transport.isPaused).toBe(true);
    clock.advance(180_000);
    expect([transport.isPaused, transport.closedWith]).toEqual([true, null]);
    clock.advance(10_000);
    expect(transport.isPaused).toBe(false);
  });

  test("a client that ends while it waits for its pace leaves nothing behind", async () => {
    const { transport, clock, began, isClosed } = openAdmitted({
      pace: { ...BOUNDS.pace, messages: { perSecond: 1, burst: 1 } },
    });
    for (const text of ["a", "b", "c"]) transport.says(text);
    await settled();
    transport.closes();
    await settled();
    expect(isClosed()).toBe(true);
    clock.advance(60_000);
    expect(began).toEqual(["a", "b"]);
    expect(transport.isPaused).toBe(false);
  });
});

describe("faults", () => {
  test("the first fault of a stranger ends its connection", async () => {
    const { transport, ends } = openSocket();
    transport.says("?call-1");
    await settled();
    expect(transport.sent).toEqual([{ error: "invalid_request", message: "This is no message.", about: "call-1" }]);
    expect(transport.closedWith).toEqual({ code: 4400, reason: "This is no message." });
    expect(ends).toEqual(["protocol_error"]);
  });

  test("an admitted client is told of each fault, and closed when they do not stop", async () => {
    const { transport, began } = openAdmitted();
    transport.says("?");
    transport.saysBinary();
    transport.says("a");
    await settled();
    expect(transport.sent).toHaveLength(2);
    expect(transport.closedWith).toBeNull();
    expect(began).toEqual(["a"]);
    transport.says("?");
    await settled();
    expect(transport.closedWith).toMatchObject({ code: 4400 });
  });

  test("a bug costs the connection: it is logged, the client is told to reconnect, and nothing more is handled", async () => {
    const { transport, log, began, ends, hold, handled } = openAdmitted();
    hold();
    transport.says("a");
    transport.says("b");
    await handled(new Error("a bug"));
    expect(log.errors).toEqual(["could not handle a socket's message: a bug"]);
    expect(transport.sent).toMatchObject([{ error: "internal" }]);
    expect(transport.closedWith).toMatchObject({ code: 1012 });
    expect(began).toEqual(["a"]);
    expect(ends).toEqual(["internal_error"]);
  });

  test("a store that is away costs the connection, and is no bug", async () => {
    const { transport, log, ends, hold, handled } = openAdmitted();
    hold();
    transport.says("a");
    await handled(new StoreUnavailable("away"));
    expect(log.errors).toEqual([]);
    expect(transport.sent).toMatchObject([{ error: "unavailable" }]);
    expect(transport.closedWith).toMatchObject({ code: 1012 });
    expect(ends).toEqual(["unavailable"]);
  });
});

describe("heartbeat", () => {
  test("a client is pinged, and dropped when nothing was heard for too long", () => {
    const { transport, clock, ends } = openAdmitted();
    expect(transport.pings).toBe(1);
    clock.advance(10_000);
    expect(transport.pings).toBe(2);
    clock.advance(9000);
    expect(transport.closedWith).toBeNull();
    clock.advance(1000);
    expect(transport.closedWith).toMatchObject({ code: 4408 });
    expect(ends).toEqual(["heartbeat_missed"]);
  });

  test("an admitted client is confirmed by its first pong alone: other bytes may have been under way before", () => {
    const { transport, socket, confirmations } = openSocket();
    transport.pongs();
    socket.admit({});
    transport.says("a");
    transport.brings(100);
    expect(confirmations()).toBe(0);
    transport.pongs();
    transport.pongs();
    expect(confirmations()).toBe(1);
  });

  test("any byte shows that the client is there, a pong as well as a part of a message", () => {
    const { transport, clock } = openAdmitted();
    for (let count = 0; count < 10; count += 1) {
      clock.advance(19_000);
      transport.brings(1);
    }
    expect(transport.closedWith).toBeNull();
  });

  test("a socket that is not read cannot be heard: its silence does not count, and it is pinged all the same", async () => {
    const { transport, clock, hold, handled } = openAdmitted();
    hold();
    for (const text of ["a", "b", "c", "d"]) transport.says(text);
    expect(transport.isPaused).toBe(true);
    clock.advance(60_000);
    expect(transport.closedWith).toBeNull();
    expect(transport.pings).toBe(1 + 6);
    await handled();
    clock.advance(20_000);
    expect(transport.closedWith).toMatchObject({ code: 4408 });
  });

  test("while a client is held back for what it does not read, its silence does not count", () => {
    const { transport, clock, socket } = openAdmitted({ whenUnsent: "hold" });
    transport.isHolding = true;
    socket.send({});
    clock.advance(60_000);
    expect(transport.closedWith).toBeNull();
    transport.release();
    clock.advance(20_000);
    expect(transport.closedWith).toMatchObject({ code: 4408 });
  });

  test("a process that was itself stopped does not take that for the silence of its clients", () => {
    const { transport, clock } = openAdmitted();
    clock.advance(15_000);
    clock.jump(600_000);
    expect(transport.closedWith).toBeNull();
  });

  test("a stranger has its time and no more, whatever it sends meanwhile, and is not pinged", () => {
    const { transport, clock, ends } = openSocket();
    clock.advance(9000);
    transport.brings(1);
    expect(transport.closedWith).toBeNull();
    clock.advance(1000);
    expect(transport.sent).toMatchObject([{ error: "unauthenticated" }]);
    expect(transport.closedWith).toEqual({ code: 4401, reason: "Say who you are." });
    expect(transport.pings).toBe(0);
    expect(ends).toEqual(["too_late"]);
  });

  test("the time that a credential takes to be looked up is not the stranger's", () => {
    const { transport, clock, hold } = openSocket();
    hold();
    transport.says("who I am");
    clock.advance(60_000);
    expect(transport.closedWith).toBeNull();
  });
});

describe("credentials", () => {
  test("a credential that expires ends the connection, unless it was renewed in time", () => {
    const { transport, clock, socket } = openSocket({ unheardMaxMs: 1_000_000 });
    socket.admit({ expiresAt: clock.now() + 5000 });
    clock.advance(4999);
    socket.admit({ expiresAt: clock.now() + 5000 });
    clock.advance(4999);
    expect(transport.closedWith).toBeNull();
    clock.advance(1);
    expect(transport.sent).toMatchObject([{ error: "unauthenticated" }]);
    expect(transport.closedWith).toMatchObject({ code: 4401 });
  });

  test("a refusal asks for a new token, but one that says nothing of the token asks to reconnect", () => {
    const refused = openSocket();
    refused.socket.refuse(refuse("forbidden", "Not you."));
    expect(refused.transport.sent).toMatchObject([{ error: "forbidden", message: "Not you." }]);
    expect(refused.transport.closedWith).toEqual({ code: 4401, reason: "Not you." });
    const away = openSocket();
    away.socket.refuse(refuse("unavailable", "The store is away."));
    expect(away.transport.closedWith).toMatchObject({ code: 1012 });
    const busy = openSocket();
    busy.socket.refuse(refuse("too_many_requests", "Too many unknown keys are tried."));
    expect(busy.transport.closedWith).toMatchObject({ code: 1012 });
  });
});

describe("the end", () => {
  test("it comes once, and after it nothing is sent, handled or timed", async () => {
    const { transport, clock, socket, began, ends } = openAdmitted();
    socket.goAway();
    socket.end({ reason: "again", closeCode: 4400, detail: "again" });
    socket.terminate("again");
    socket.admit({ expiresAt: clock.now() });
    socket.fault("again");
    socket.send({});
    transport.says("a");
    clock.advance(60_000);
    await settled();
    expect(transport.closedWith).toMatchObject({ code: 1012 });
    expect(transport.isTerminated).toBe(false);
    expect(transport.sent).toEqual([]);
    expect(transport.pings).toBe(1);
    expect(began).toEqual([]);
    expect(ends).toEqual(["gateway_stopped"]);
  });

  test("a socket that was not read is read again, so that the other side's close frame comes through", () => {
    const { transport, socket, hold } = openAdmitted();
    hold();
    for (const text of ["a", "b", "c", "d"]) transport.says(text);
    expect(transport.isPaused).toBe(true);
    socket.goAway();
    expect(transport.isPaused).toBe(false);
  });

  test("a socket counts as closed when its transport is closed and no message is being handled", async () => {
    const { transport, ends, isClosed, hold, handled } = openAdmitted();
    hold();
    transport.says("a");
    transport.says("b");
    transport.closes();
    await settled();
    expect(ends).toEqual(["disconnected"]);
    expect(isClosed()).toBe(false);
    await handled();
    expect(isClosed()).toBe(true);
  });

  test("a client that takes nothing is cut without a close frame", async () => {
    const { transport, socket, ends, isClosed } = openAdmitted();
    socket.terminate("stalled");
    expect(transport.closedWith).toBeNull();
    expect(transport.isTerminated).toBe(true);
    expect(ends).toEqual(["stalled"]);
    transport.closes();
    await settled();
    expect(isClosed()).toBe(true);
  });

  test("a socket that ended before it was opened tells its handler", () => {
    const transport = new FakeTransport();
    const clock = new ManualClock();
    const socket = new MessageSocket({ transport, protocol: protocolWith({}), clock, log: recordingLog() });
    socket.goAway();
    const ends: string[] = [];
    socket.open({ handle: () => Promise.resolve(), ended: (reason) => void ends.push(reason) });
    clock.advance(60_000);
    expect(ends).toEqual(["gateway_stopped"]);
    expect(transport.closedWith).toMatchObject({ code: 1012 });
  });

  test("a close frame's reason is plain and short enough for the standard", () => {
    const { transport, socket } = openAdmitted();
    socket.end({ reason: "long", closeCode: 4400, detail: `naïve ${"x".repeat(200)}` });
    expect(transport.closedWith?.reason).toBe(`na?ve ${"x".repeat(117)}`);
  });
});
