import { describe, expect, test } from "vitest";
import { settled } from "../../../test/support/fakes.ts";
import { BOUNDS, openAdmitted, openSocket } from "../../../test/support/socket-world.ts";
import { refuse } from "../../access/refusal.ts";
import { asTenantId } from "../../core/tenant-id.ts";

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
    socket.admit({ tenantId: asTenantId("t") });
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
    socket.admit({ tenantId: asTenantId("t"), expiresAt: clock.now() + 5000 });
    clock.advance(4999);
    socket.admit({ tenantId: asTenantId("t"), expiresAt: clock.now() + 5000 });
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
