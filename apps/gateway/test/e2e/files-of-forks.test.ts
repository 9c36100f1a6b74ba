import { createHash } from "node:crypto";
import type { Run, TenantQuotas, Thread, ThreadMessage } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { photo } from "../support/sample-files.ts";
import { uploaded } from "../support/upload.ts";

const PHOTO = photo(1_200_000);
const SHA256 = createHash("sha256").update(PHOTO).digest("hex");

describe.each(GATEWAY_PAIRS)("files of forks and branches, %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("a file that a run had", () => {
    let pair: GatewayPair;
    beforeAll(async () => {
      pair = await openPair();
      await pair.a.pushAgent({ name: "viewer", model: "demo/files" });
    });
    afterAll(() => pair.close());

    /** A run that was shown a photo, and has ended. */
    async function shown(more: object = {}): Promise<{ run: Run; fileId: string }> {
      const file = await uploaded(pair.a, PHOTO, { mediaType: "image/jpeg", query: "?filename=photo.jpg" });
      const content = [{ type: "file", fileId: file.id }];
      const { runId } = await pair.a.startRun({ agent: "viewer", input: [{ role: "user", content }], ...more });
      return { run: await pair.b.waitForEnd(runId), fileId: file.id };
    }

    async function forked(runId: string, body: object = {}): Promise<string> {
      const answer = await pair.b.call<{ runId: string }>("POST", `/api/runs/${runId}/fork`, {
        position: "2-0",
        ...body,
      });
      expect(answer.status).toBe(202);
      return answer.body.runId;
    }

    const storedBytes = async (): Promise<number> =>
      (await pair.a.call<TenantQuotas>("GET", "/api/quotas")).body.quotas.storedBytes.used;

    const download = (fileId: string, credential?: string) =>
      pair.b.call("GET", `/api/files/${fileId}`, undefined, credential === undefined ? {} : { credential });

    /** A token of the tenant, as its page would have it. */
    async function tokenFor(bounds: object): Promise<string> {
      const answer = await pair.a.call<{ token: string }>("POST", "/api/tokens", bounds);
      expect(answer.status).toBe(201);
      return answer.body.token;
    }

    test("is shown to the model of a fork, and counts once", async () => {
      const { run, fileId } = await shown();
      const before = await storedBytes();
      const fork = await pair.a.waitForEnd(await forked(run.id));
      expect(fork.status).toBe("completed");
      expect(fork.output).toContain(SHA256);
      // What the fork itself says takes some room, and the photo none.
      expect((await storedBytes()) - before).toBeLessThan(PHOTO.length / 10);
      expect((await download(fileId)).status).toBe(200);
    });

    test("is left out of a fork once it was deleted, and the fork says so", async () => {
      const { run, fileId } = await shown();
      expect((await pair.a.call("DELETE", `/api/files/${fileId}`)).status).toBe(204);
      const fork = await pair.a.waitForEnd(await forked(run.id));
      expect(fork.status).toBe("completed");
      const events = await pair.a.events(fork.id);
      const step = events.find(({ type }) => type === "step.completed");
      expect(step?.data).toMatchObject({ leftOut: [{ what: "photo.jpg (image/jpeg)", reason: "missing" }] });
    });

    test("stays with the fork when the thread of the run is gone", async () => {
      const { run, fileId } = await shown({ threadId: "gone-soon" });
      const fork = await pair.a.waitForEnd(await forked(run.id));
      expect((await pair.b.call("DELETE", "/api/threads/gone-soon")).status).toBe(204);
      const again = await pair.a.waitForEnd(await forked(fork.id));
      expect(again.output).toContain(SHA256);
      expect((await download(fileId)).status).toBe(200);
    });

    test("is reached by the token of a branch that shows the run, and by that of none that does not", async () => {
      const { run, fileId } = await shown({ threadId: "trunk", subject: "ada" });
      const later = await shown({ threadId: run.threadId });
      const branch = (fromRunId: string, subject: string) =>
        pair.a.call<Thread>("POST", "/api/threads", { fromRunId, subject });
      const { body: early } = await branch(run.id, "ada");
      const scopes = ["runs:read", "runs:start"];
      const token = await tokenFor({ threadId: early.id, scopes, agents: ["viewer"] });
      const messages = await pair.b.call<{ data: ThreadMessage[] }>(
        "GET",
        `/api/threads/${early.id}/messages`,
        undefined,
        { credential: token },
      );
      expect(JSON.stringify(messages.body.data)).toContain(fileId);
      expect((await download(fileId, token)).status).toBe(200);
      // A message in the branch may name it too.
      const input = [{ role: "user", content: [{ type: "file", fileId }] }];
      const start = { agent: "viewer", threadId: early.id, input };
      expect((await pair.a.call("POST", "/api/runs", start, { credential: token })).status).toBe(202);
      // What came after the branching point is not shown there.
      expectProblem(await download(later.fileId, token), 404, "not_found");
      const other = await tokenFor({ threadId: (await branch(later.run.id, "ada")).body.id, scopes });
      expect((await download(later.fileId, other)).status).toBe(200);
      // A branch of somebody else's, made by the operator, is that user's with all that it shows.
      await branch(run.id, "bob");
      const bob = await tokenFor({ subject: "bob", scopes });
      expect((await download(fileId, bob)).status).toBe(200);
      expectProblem(await download(later.fileId, bob), 404, "not_found");
      expectProblem(await download(fileId, await tokenFor({ subject: "eve", scopes })), 404, "not_found");
      // Nobody but the one who has it may delete it.
      expectProblem(
        await pair.a.call("DELETE", `/api/files/${fileId}`, undefined, { credential: token }),
        403,
        "forbidden",
      );
    });
  });
});
