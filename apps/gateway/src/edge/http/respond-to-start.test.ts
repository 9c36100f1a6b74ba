import { expect, test } from "vitest";
import { refuse } from "../../access/refusal.ts";
import type { RunStarted } from "../../control/commit-start.ts";
import { asTenantId } from "../../core/tenant-id.ts";
import type { FollowOutcome } from "../../follow/follow-hub.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { respondToStart } from "./respond-to-start.ts";

const RUN = "0198c0de-0000-7000-8000-000000000001";

/** A start of a key that may read, on a gateway that lets nobody follow for this reason. */
function startWith({ accept, follow }: { accept?: string; follow: () => Promise<FollowOutcome> }) {
  const call = {
    principal: { kind: "key", keyId: "k", name: "n", tenantId: asTenantId("t"), scopes: ["runs:start", "runs:read"] },
    request: { headers: { accept } },
    deps: { hub: { follow } },
  } as unknown as Parameters<typeof respondToStart>[0];
  const started: RunStarted = { kind: "started", runId: RUN, status: "queued", created: true };
  return respondToStart(call, () => Promise.resolve(started));
}

const asJson = {
  kind: "json",
  status: 202,
  body: { runId: RUN, status: "queued", streamUrl: `/api/runs/${RUN}/stream` },
  headers: { location: `/api/runs/${RUN}` },
};

test("a run that cannot be followed here now was started all the same, and its starter is told its id", async () => {
  const noPlace = refuse("too_many_requests", "no place");
  expect(await startWith({ accept: "text/event-stream", follow: async () => noPlace })).toEqual(asJson);
});

test("a store that goes away right after the start does not take its answer along", async () => {
  const follow = () => Promise.reject(new StoreUnavailable("away"));
  expect(await startWith({ accept: "text/event-stream", follow })).toEqual(asJson);
});

test("who accepts anything else, or says nothing, is not made a watcher", async () => {
  const follow = () => Promise.reject(new Error("nobody asked"));
  for (const accept of [undefined, "", "*/*", "application/json", "application/json, text/event-stream"])
    expect(await startWith({ follow, ...(accept === undefined ? {} : { accept }) })).toEqual(asJson);
});

test("the media type may have parameters, and any case", async () => {
  const watch = () => ({ drained() {}, progressed() {}, close() {} });
  for (const accept of ["text/event-stream", "Text/Event-Stream; charset=utf-8"]) {
    const response = await startWith({ accept, follow: async () => ({ kind: "following", watch }) });
    expect(response).toMatchObject({ kind: "events", headers: asJson.headers, watch });
  }
});
