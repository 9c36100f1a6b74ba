import { describe, expect, test } from "vitest";
import {
  INBOX_BYTES_MAX,
  INBOX_CANCELS_MAX,
  INBOX_MAX,
  INPUTS_PER_DRAIN_MAX,
  RUN_MESSAGES_BYTES_MAX,
} from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import { claim, claimAll, commitOf, LEASE_MS, openScene, parkWithCall, type Scene, start, TS } from "./scene.ts";
import { EMPTY_PLACES } from "../../support/empty-places.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

const CANCEL = { kind: "cancel", reason: null } as const;

/** How a cancel may come: as `control/cancel-run.ts` sends it, under the key of another sender, or without a key. */
const DEDUPES = [
  { name: "under the key of control", dedupe: { key: "cancel", bodyHash: "" } },
  { name: "under another key", dedupe: { key: "cancel:child-1", bodyHash: "" } },
  { name: "without a key", dedupe: null },
] as const;

function message(content: string) {
  return { kind: "message" as const, message: { role: "user" as const, content } };
}

/** A cancel is known by its kind. No rule depends on its dedupe key. */
export function cancelsOfStore(store: () => Store): void {
  async function inboxOf({ tenantId }: Scene, runId: string, epoch: number) {
    const read = await store().fleet.readInbox({ runId, epoch });
    const loaded = await store().fleet.loadRun({ tenantId, runId, epoch });
    expect(loaded?.inbox).toEqual(read?.inbox);
    return { count: read?.inbox.count, inputs: read?.inbox.inputs.map(({ input }) => input) ?? [] };
  }

  describe("cancels", () => {
    test.each(DEDUPES)(
      "a cancel $name is read before messages that came earlier, however many they are; those keep their order",
      async ({ dedupe }) => {
        const scene = await openScene(store());
        const { runId } = await start(scene);
        const { epoch } = await claim(scene, runId);
        for (let n = 0; n < INPUTS_PER_DRAIN_MAX + 5; n++) {
          const own = n % 2 === 0 ? null : { key: `message:${n}`, bodyHash: "" };
          await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: message(String(n)), dedupe: own });
        }
        await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: CANCEL, dedupe });
        const { count, inputs } = await inboxOf(scene, runId, epoch);
        expect(count).toBe(INPUTS_PER_DRAIN_MAX + 6);
        const messages = Array.from({ length: INPUTS_PER_DRAIN_MAX - 1 }, (_, n) => message(String(n)));
        expect(inputs).toEqual([CANCEL, ...messages]);
      },
    );

    test.each(DEDUPES)(
      "a cancel $name is accepted by a run whose inbox is full, which accepts nothing else",
      async ({ dedupe }) => {
        const scene = await openScene(store());
        const { runId } = await start(scene);
        const { epoch } = await claim(scene, runId);
        const send = () => scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: message("more"), dedupe: null });
        for (let n = 0; n < INBOX_MAX; n++) await send();
        expect(await send()).toEqual({ kind: "inbox_full" });
        const accepted = await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: CANCEL, dedupe });
        expect(accepted).toMatchObject({ kind: "accepted" });
        expect(await send()).toEqual({ kind: "inbox_full" });
        expect(await inboxOf(scene, runId, epoch)).toMatchObject({ count: INBOX_MAX + 1 });
      },
    );

    test("a run that has had its bytes of messages takes cancels and no large message, also with an empty inbox", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const large = { by: AN_ACTOR, runId, input: message("x".repeat(4_000_000)), dedupe: null };
      let afterSeq = held.lastSeq;
      for (let taken = 0; taken + 4_000_000 < RUN_MESSAGES_BYTES_MAX; taken += 4_000_000) {
        expect(await scene.tenant.enqueueInput(large)).toMatchObject({ kind: "accepted" });
        const read = await store().fleet.readInbox({ runId, epoch: held.epoch });
        const consumed = read?.inbox.inputs.map(({ inputId }) => inputId) ?? [];
        await store().fleet.commit(commitOf(held, ["message.user"], { afterSeq, consumed }));
        afterSeq += 1;
      }
      expect(await scene.tenant.enqueueInput(large)).toEqual({ kind: "messages_full" });
      const small = { by: AN_ACTOR, runId, input: message("x"), dedupe: null };
      expect(await scene.tenant.enqueueInput(small)).toMatchObject({ kind: "accepted" });
      const cancel = { by: AN_ACTOR, runId, input: CANCEL, dedupe: null };
      expect(await scene.tenant.enqueueInput(cancel)).toMatchObject({ kind: "accepted" });
    });

    test.each(DEDUPES)("a cancel $name is accepted however many bytes wait, and is read first", async ({ dedupe }) => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const { epoch } = await claim(scene, runId);
      const large = { by: AN_ACTOR, runId, input: message("x".repeat(1_000_000)), dedupe: null };
      const sent = INBOX_BYTES_MAX / 1_000_000 + 1;
      for (let n = 0; n < sent; n++) await scene.tenant.enqueueInput(large);
      expect(await scene.tenant.enqueueInput(large)).toEqual({ kind: "inbox_full" });
      const accepted = await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: CANCEL, dedupe });
      expect(accepted).toMatchObject({ kind: "accepted" });
      expect((await inboxOf(scene, runId, epoch)).inputs[0]).toEqual(CANCEL);
    });

    test.each(DEDUPES)("a cancel $name makes a run due before its turn in its thread", async ({ dedupe }) => {
      const scene = await openScene(store());
      const first = await start(scene, { threadId: "t" });
      const second = await start(scene, { threadId: "t" });
      await claim(scene, first.runId);
      await scene.tenant.enqueueInput({ by: AN_ACTOR, runId: second.runId, input: message("x"), dedupe: null });
      await expect(claim(scene, second.runId)).rejects.toThrow("was not due");
      await scene.tenant.enqueueInput({ by: AN_ACTOR, runId: second.runId, input: CANCEL, dedupe });
      const { epoch } = await claim(scene, second.runId);
      expect((await inboxOf(scene, second.runId, epoch)).inputs).toEqual([CANCEL, message("x")]);
    });

    test.each(DEDUPES)(
      "a cancel $name lets a gateway that was cut off take a run although one of its calls is overdue",
      async ({ dedupe }) => {
        const scene = await openScene(store());
        await claimAll(store());
        const { runId } = await parkWithCall(scene, { deadline: TS }, TS);
        const claimCutOff = () =>
          store().fleet.claimRuns({
            gatewayId: "gateway-a",
            claimNumber: 1,
            leaseDurationMs: LEASE_MS,
            limit: 100,
            places: EMPTY_PLACES,
            judgesUntil: null,
            lastChancesMax: 100,
          });
        expect((await claimCutOff()).runs).toEqual([]);
        await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: CANCEL, dedupe });
        expect((await claimCutOff()).runs).toMatchObject([{ runId, lost: false }]);
      },
    );

    test("a message under the key that a cancel usually has is no cancel: it gains no place, no room and no turn", async () => {
      const scene = await openScene(store());
      const dedupe = { key: "cancel", bodyHash: "" };
      const first = await start(scene, { threadId: "t" });
      const second = await start(scene, { threadId: "t" });
      const { epoch } = await claim(scene, first.runId);
      await scene.tenant.enqueueInput({ by: AN_ACTOR, runId: second.runId, input: message("late"), dedupe });
      await expect(claim(scene, second.runId)).rejects.toThrow("was not due");
      await scene.tenant.enqueueInput({ by: AN_ACTOR, runId: first.runId, input: message("early"), dedupe: null });
      await scene.tenant.enqueueInput({ by: AN_ACTOR, runId: first.runId, input: message("late"), dedupe });
      const { inputs } = await inboxOf(scene, first.runId, epoch);
      expect(inputs).toEqual([message("early"), message("late")]);

      const flooded = await start(scene);
      const send = (own: typeof dedupe | null) =>
        scene.tenant.enqueueInput({ by: AN_ACTOR, runId: flooded.runId, input: message("x"), dedupe: own });
      for (let n = 0; n < INBOX_MAX; n++) await send(null);
      expect(await send(dedupe)).toEqual({ kind: "inbox_full" });
    });

    test("the same cancel again is a duplicate, and several are read oldest first", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const { epoch } = await claim(scene, runId);
      const cancel = (reason: string, key: string) =>
        scene.tenant.enqueueInput({
          by: AN_ACTOR,
          runId,
          input: { kind: "cancel", reason },
          dedupe: { key, bodyHash: "" },
        });
      expect((await cancel("one", "cancel")).kind).toBe("accepted");
      expect((await cancel("other words", "cancel")).kind).toBe("duplicate");
      expect((await cancel("two", "cancel:child-1")).kind).toBe("accepted");
      const { inputs } = await inboxOf(scene, runId, epoch);
      expect(inputs).toEqual(["one", "two"].map((reason) => ({ kind: "cancel", reason })));
    });

    test("cancels without a key cannot fill a run's inbox without end", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const cancel = () => scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: CANCEL, dedupe: null });
      const kinds = new Set<string>();
      for (let n = 0; n < INBOX_MAX + INBOX_CANCELS_MAX; n++) kinds.add((await cancel()).kind);
      expect([...kinds]).toEqual(["accepted"]);
      expect(await cancel()).toEqual({ kind: "inbox_full" });
    });
  });
}
