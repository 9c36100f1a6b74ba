import { describe, expect, test } from "vitest";
import { FakeTransport } from "../../../test/support/fake-transport.ts";
import { settled } from "../../../test/support/fakes.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { recordingLog } from "../../../test/support/recording-log.ts";
import { openAdmitted, openSocket, protocolWith } from "../../../test/support/socket-world.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { LoopTurns } from "../../runtime/loop-turns.ts";
import { TURN_BYTES_MIN } from "../../runtime/limits.ts";
import { MessageSocket } from "./message-socket.ts";
import { asTenantId } from "../../core/tenant-id.ts";

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

  test("a large message waits for the turn of its tenant, and small ones do not (10.)", async () => {
    const { transport, clock, began } = openAdmitted();
    transport.says("small");
    await settled();
    expect(began).toHaveLength(1);
    clock.advance(1000);
    transport.says("x".repeat(TURN_BYTES_MIN));
    await settled();
    expect(began).toHaveLength(1);
    clock.advance(0);
    await settled();
    expect(began).toHaveLength(2);
  });

  test("a large message of a connection that ended before its turn is not handled", async () => {
    const { transport, clock, socket, began, isClosed } = openAdmitted();
    transport.says("x".repeat(TURN_BYTES_MIN));
    socket.goAway();
    transport.closes();
    clock.advance(0);
    await settled();
    expect(began).toEqual([]);
    expect(isClosed()).toBe(true);
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
    socket.admit({ tenantId: asTenantId("t") });
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

describe("the end", () => {
  test("it comes once, and after it nothing is sent, handled or timed", async () => {
    const { transport, clock, socket, began, ends } = openAdmitted();
    socket.goAway();
    socket.end({ reason: "again", closeCode: 4400, detail: "again" });
    socket.admit({ tenantId: asTenantId("t"), expiresAt: clock.now() });
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

  test("a socket that closes and whose client says nothing to that can still be cut, and ends once all the same", () => {
    const { transport, socket, ends } = openAdmitted();
    socket.goAway();
    socket.terminate("crowded_out");
    expect(transport.isTerminated).toBe(true);
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
    const socket = new MessageSocket({
      transport,
      protocol: protocolWith({}),
      clock,
      log: recordingLog(),
      turns: new LoopTurns(clock),
    });
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
