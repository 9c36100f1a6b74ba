import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { inputBytes } from "../../../src/ports/inbox.ts";
import { INBOX_BYTES_MAX, INBOX_READ_BYTES_MAX, INPUTS_PER_DRAIN_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import { claim, commitOf, endOf, NASTY, openScene, parkWithCall, resultOf, type Scene, start } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

function message(content: string) {
  return { kind: "message" as const, message: { role: "user" as const, content } };
}

function send({ tenant }: Scene, runId: string, content: string) {
  return tenant.enqueueInput({ by: AN_ACTOR, runId, input: message(content), dedupe: null });
}

/** Claims a parked run, woken by a message. */
async function holdParked(scene: Scene, runId: string) {
  await send(scene, runId, "wake up");
  return claim(scene, runId);
}

export function inputsOfStore(store: () => Store): void {
  describe("inputs", () => {
    test("inputs reach the holder unharmed and in the order in which they were accepted, with their count", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const { epoch } = await claim(scene, runId);
      for (const text of ["one", NASTY, "three"]) {
        expect(await send(scene, runId, text)).toEqual({ kind: "accepted", status: "queued" });
      }
      const read = await store().fleet.readInbox({ runId, epoch });
      expect(read?.inbox.count).toBe(3);
      expect(read?.inbox.inputs.map(({ input }) => input)).toEqual(["one", NASTY, "three"].map(message));
      expect(await store().fleet.readInbox({ runId, epoch: epoch + 1 })).toBeNull();
    });

    test("an input to a parked run makes it due at once; one to a held run takes it from no holder (R5)", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      await send(scene, runId, "while held");
      await expect(claim(scene, runId, "gateway-b")).rejects.toThrow("was not due");
      const [renewed] = await store().fleet.renewLeases({
        gatewayId: "gateway-a",
        leaseDurationMs: 60_000,
        runs: [{ runId, epoch: held.epoch }],
      });
      expect(renewed).toEqual({ runId, epoch: held.epoch, inbox: 1 });
      const read = await store().fleet.readInbox({ runId, epoch: held.epoch });
      const park = commitOf(held, ["run.started"], {
        status: "waiting_tool",
        consumed: read?.inbox.inputs.map((input) => input.inputId) ?? [],
        inboxMustBe: 1,
        lease: { kind: "release", wakeAt: null },
      });
      expect(await store().fleet.commit(park)).toMatchObject({ kind: "committed" });
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
      expect(await send(scene, runId, "while parked")).toEqual({ kind: "accepted", status: "waiting_tool" });
      const again = await claim(scene, runId);
      expect(again.epoch).toBe(held.epoch + 1);
      const left = await store().fleet.readInbox({ runId, epoch: again.epoch });
      expect(left?.inbox.inputs.map(({ input }) => input)).toEqual([message("while parked")]);
    });

    test("the same input again counts once, also after it was consumed and after the run's end; another under its key is a conflict (R4)", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const sendOnce = (bodyHash: string) =>
        scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: message(bodyHash), dedupe: { key: "k", bodyHash } });
      const first = await Promise.all(Array.from({ length: 8 }, () => sendOnce("a")));
      expect(first.filter((outcome) => outcome.kind === "accepted")).toHaveLength(1);
      expect(first.filter((outcome) => outcome.kind === "duplicate")).toHaveLength(7);
      expect((await sendOnce("b")).kind).toBe("conflict");
      const read = await store().fleet.readInbox({ runId, epoch: held.epoch });
      expect(read?.inbox.count).toBe(1);
      const consumed = read?.inbox.inputs.map((input) => input.inputId) ?? [];
      expect(await store().fleet.commit(commitOf(held, ["run.started"], { consumed }))).toMatchObject({
        kind: "committed",
      });
      expect((await sendOnce("a")).kind).toBe("duplicate");
      await store().fleet.commit(endOf(held, { afterSeq: held.lastSeq + 1 }));
      expect(await sendOnce("a")).toEqual({ kind: "duplicate", status: "completed" });
      expect((await sendOnce("b")).kind).toBe("conflict");
    });

    test("an approval is taken while its call awaits one: later it is refused, but the same again is known for good", async () => {
      const scene = await openScene(store());
      const awaiting = { status: "awaiting_approval", attempt: 0, dispatchedAt: null, deadline: null } as const;
      const { runId, call, lastSeq } = await parkWithCall(scene, awaiting);
      const { callId } = call;
      const decide = (approved: boolean, of = runId) =>
        scene.tenant.enqueueInput({
          by: AN_ACTOR,
          runId: of,
          input: { kind: "approval", callId, approved, reason: null, by: "a person" },
          dedupe: { key: `approval:${callId}`, bodyHash: String(approved) },
        });
      const other = await start(scene);
      expect((await decide(true, other.runId)).kind).toBe("not_found");
      expect(await decide(true)).toEqual({ kind: "accepted", status: "waiting_tool" });
      expect((await decide(false)).kind).toBe("conflict");

      const held = await claim(scene, runId);
      const read = await store().fleet.readInbox({ runId, epoch: held.epoch });
      const consumed = read?.inbox.inputs.map((input) => input.inputId) ?? [];
      const dispatched = { ...call, status: "dispatched" as const, attempt: 1 };
      const facts = ["tool.approved", "tool.dispatched"] as const;
      await store().fleet.commit(commitOf(held, facts, { afterSeq: lastSeq, calls: [dispatched], consumed }));
      expect((await decide(true)).kind).toBe("duplicate");
      await store().fleet.commit(endOf(held, { afterSeq: lastSeq + 2 }));
      expect((await decide(true)).kind).toBe("duplicate");

      const late = await parkWithCall(scene, awaiting);
      const holder = await holdParked(scene, late.runId);
      const expired = { ...late.call, status: "expired" as const };
      await store().fleet.commit(commitOf(holder, ["tool.expired"], { afterSeq: late.lastSeq, calls: [expired] }));
      const input = { kind: "approval", callId: late.call.callId, approved: true, reason: null, by: "x" } as const;
      const tooLate = await scene.tenant.enqueueInput({ by: AN_ACTOR, runId: late.runId, input, dedupe: null });
      expect(tooLate).toEqual({ kind: "call_not_awaiting", callStatus: "expired" });
      expect((await store().fleet.readInbox(holder))?.inbox.count).toBe(1);
    });

    test("an ended run, and a run that never was, accept no input", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      await store().fleet.commit(endOf(await claim(scene, runId)));
      expect(await send(scene, runId, "late")).toEqual({ kind: "ended", status: "completed" });
      expect(await send(scene, v7(), "to nobody")).toEqual({ kind: "not_found" });
    });

    test("a read of the inbox returns a bounded number of inputs, oldest first, and counts all (R9)", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const { epoch } = await claim(scene, runId);
      const count = INPUTS_PER_DRAIN_MAX + 5;
      for (let n = 0; n < count; n++) await send(scene, runId, String(n));
      const read = await store().fleet.readInbox({ runId, epoch });
      expect(read?.inbox.count).toBe(count);
      expect(read?.inbox.inputs).toHaveLength(INPUTS_PER_DRAIN_MAX);
      expect(read?.inbox.inputs[0]?.input).toEqual(message("0"));
    });

    test("a read of the inbox returns a bounded number of bytes, and one larger input alone (R9)", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const half = "h".repeat(INBOX_READ_BYTES_MAX / 2);
      const texts = [`1${half}`, `2${half}`, `3${half}`, `4${half}${half}${half}`, "5"];
      for (const text of texts) await send(scene, runId, text);
      const reads: string[][] = [];
      let { lastSeq } = held;
      for (let left = texts.length; left > 0; ) {
        const inbox = (await store().fleet.readInbox(held))?.inbox;
        const inputs = inbox?.inputs ?? [];
        expect(inbox?.count).toBe(left);
        reads.push(inputs.map(({ input }) => /"content":"(.)/.exec(JSON.stringify(input))?.[1] ?? ""));
        const consumed = inputs.map((input) => input.inputId);
        await store().fleet.commit(commitOf(held, ["message.user"], { afterSeq: lastSeq, consumed }));
        lastSeq += 1;
        left -= inputs.length;
      }
      expect(reads).toEqual([["1", "2"], ["3", "4"], ["5"]]);
    });

    test("an inbox takes a bounded number of bytes, whoever sends at once, and takes more once they are consumed (R9)", async () => {
      const scene = await openScene(store());
      const { runId, call } = await parkWithCall(scene);
      const text = "ü".repeat(500_000);
      const fitting = Math.floor(INBOX_BYTES_MAX / inputBytes(message(text)));
      const outcomes = await Promise.all(Array.from({ length: fitting + 4 }, () => send(scene, runId, text)));
      expect(outcomes.filter(({ kind }) => kind === "accepted")).toHaveLength(fitting);
      expect(outcomes.filter(({ kind }) => kind === "inbox_full")).toHaveLength(4);
      const left = INBOX_BYTES_MAX - fitting * inputBytes(message(text)) - inputBytes(message(""));
      expect(await send(scene, runId, "x".repeat(left))).toMatchObject({ kind: "accepted" });
      const result = resultOf(call.callId, "r", { kind: "http", runId });
      expect(await scene.tenant.submitToolResult(result)).toEqual({ kind: "inbox_full" });
      expect(await send(scene, runId, "")).toEqual({ kind: "inbox_full" });

      const held = await claim(scene, runId);
      const read = await store().fleet.readInbox(held);
      const consumed = read?.inbox.inputs.map((input) => input.inputId) ?? [];
      await store().fleet.commit(commitOf(held, ["run.resumed"], { consumed }));
      expect(await scene.tenant.submitToolResult(result)).toMatchObject({ kind: "accepted" });
      const again = await Promise.all(Array.from({ length: 3 }, () => send(scene, runId, text)));
      expect(again.filter(({ kind }) => kind === "accepted")).toHaveLength(consumed.length - 1);
    });

    test("results are read before messages that came earlier, and a read tells whether any is left", async () => {
      const scene = await openScene(store());
      const { runId, call } = await parkWithCall(scene);
      for (const n of [1, 2, 3]) await send(scene, runId, String(n));
      await scene.tenant.submitToolResult(resultOf(call.callId, "r", { kind: "http", runId }));
      const { epoch } = await claim(scene, runId);
      const read = await store().fleet.readInbox({ runId, epoch });
      expect(read?.inbox.inputs.map(({ input }) => input.kind)).toEqual([
        "tool_result",
        "message",
        "message",
        "message",
      ]);
      expect(read?.inbox.resultsUnread).toBe(false);
    });

    test("a read that cancels fill tells that a result is left", async () => {
      const scene = await openScene(store());
      const { runId, call } = await parkWithCall(scene);
      await scene.tenant.submitToolResult(resultOf(call.callId, "r", { kind: "http", runId }));
      const cancel = { kind: "cancel", reason: null } as const;
      for (let n = 0; n < INPUTS_PER_DRAIN_MAX; n++)
        await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: cancel, dedupe: null });
      const { epoch } = await claim(scene, runId);
      const read = await store().fleet.readInbox({ runId, epoch });
      expect(read?.inbox.inputs.every(({ input }) => input.kind === "cancel")).toBe(true);
      expect(read?.inbox.resultsUnread).toBe(true);
    });
  });
}
