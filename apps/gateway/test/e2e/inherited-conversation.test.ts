import { createClient, type Client } from "@hsafa/client";
import {
  EMPTY_THREAD_VIEW,
  type FollowThreadOptions,
  followThread,
  messagesOf,
  type ThreadView,
} from "@hsafa/client/view";
import type { Run, ThreadMessage } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";

const SCRIPT = [[{ say: "Let me look." }, { call: "lookup", args: { what: "tea" } }], [{ say: "It says: {{result}}" }]];
const tools = [{ name: "lookup", server: { type: "function" as const }, inputSchema: { type: "object" } }];

/** What is shown, in short: who said what, with a `+` before what was inherited, and the outcomes of calls. */
function shown(view: ThreadView): string[] {
  return messagesOf(view).map((message) => {
    const mark = message.isInherited === true ? "+" : "";
    if (message.role === "user") return `${mark}user ${JSON.stringify(message.content)}`;
    const parts = message.parts.map((part) => {
      if (part.type === "text") return part.text;
      return part.type === "tool" ? `${part.toolName} ${part.state} ${JSON.stringify(part.result)}` : part.type;
    });
    return `${mark}model ${parts.join(", ")}`;
  });
}

describe.each(GATEWAY_PAIRS)("a branch as it is followed, %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("with what it has inherited", () => {
    let pair: GatewayPair;
    let client: Client;
    beforeAll(async () => {
      pair = await openPair({ functions: { lookup: async () => "black" } });
      client = createClient({ url: pair.b.url, token: pair.b.apiKey });
      await pair.a.pushAgent({ name: "echo", model: "demo/echo" });
      await pair.a.pushAgent({ name: "looks", model: "demo/script", tools });
    });
    afterAll(() => pair.close());

    async function say(threadId: string, input: string, more: object = {}): Promise<Run> {
      const { runId } = await pair.a.startRun({ agent: "echo", input, threadId, ...more });
      return pair.b.waitForEnd(runId);
    }

    /** The first view of which this holds. */
    async function viewOf(
      thread: string,
      holds: (view: ThreadView) => boolean,
      { by = client, ...options }: FollowThreadOptions & { readonly by?: Client } = {},
    ): Promise<ThreadView> {
      let view = EMPTY_THREAD_VIEW;
      for await (view of followThread(by, thread, options)) if (holds(view)) break;
      return view;
    }
    const hasEnded = (runs: number) => (view: ThreadView) =>
      view.runs.filter(({ usage }) => usage !== null).length >= runs;
    const always = (): boolean => true;

    test("it begins with the conversation up to the branching point, marked, and then shows its own runs as they come", async () => {
      const input = `demo: ${JSON.stringify(SCRIPT)}`;
      await say("trunk", input, { agent: "looks" });
      const two = await say("trunk", "two");
      await say("trunk", "three");
      const branch = await client.threads.branch(two.id);
      const inherited = [
        `+user ${JSON.stringify(input)}`,
        '+model Let me look., lookup completed "black"',
        "+model It says: black",
        '+user "two"',
        "+model two",
      ];
      const views: string[][] = [];
      let begun = false;
      for await (const view of followThread(client, branch.id)) {
        views.push(shown(view));
        if (!begun) await say(branch.id, "instead");
        begun = true;
        if (hasEnded(1)(view)) break;
      }
      expect(views[0]).toEqual(inherited);
      expect(views.at(-1)).toEqual([...inherited, 'user "instead"', "model instead"]);
      // Nothing was ever shown twice, and nothing that was shown moved.
      for (const view of views) expect(view.slice(0, inherited.length)).toEqual(inherited);
      // A branch of the branch has both.
      const [own] = (await client.runs.list({ threadId: branch.id })).data;
      const further = await client.threads.branch(own?.id ?? "");
      expect(shown(await viewOf(further.id, always))).toEqual([...inherited, '+user "instead"', "+model instead"]);
      // The first thread shows what is its own, and can go.
      expect(shown(await viewOf("trunk", hasEnded(3))).at(-1)).toBe("model three");
      await client.threads.delete("trunk");
      expect(shown(await viewOf(branch.id, hasEnded(1)))).toEqual([...inherited, 'user "instead"', "model instead"]);
    });

    test("it shows as many runs as were asked for, its own first, and says whether there was more", async () => {
      await say("long", "one");
      await say("long", "two");
      const three = await say("long", "three");
      const branch = await client.threads.branch(three.id);
      const four = await say(branch.id, "four");
      const cut = await viewOf(branch.id, hasEnded(1), { runsMax: 2 });
      expect(cut.hasEarlier).toBe(true);
      expect(shown(cut)).toEqual(['+user "three"', "+model three", 'user "four"', "model four"]);
      const full = await viewOf(branch.id, hasEnded(1), { runsMax: 4 });
      expect(full.hasEarlier).toBe(false);
      expect(full.inherited.map(({ runId }) => runId)).toHaveLength(3);
      const own = await viewOf(branch.id, hasEnded(1), { runsMax: 1 });
      expect({ shown: shown(own), hasEarlier: own.hasEarlier }).toEqual({
        shown: ['user "four"', "model four"],
        hasEarlier: true,
      });
      const page = (query: string) =>
        pair.a.call<{ data: ThreadMessage[]; nextCursor: string | null }>(
          "GET",
          `/api/threads/${branch.id}/messages?${query}`,
        );
      const first = await page("inheritedRuns=2&limit=3");
      const rest = await page(`inheritedRuns=2&limit=3&cursor=${first.body.nextCursor}`);
      const read = [...first.body.data, ...rest.body.data];
      expect(read.map(({ message }) => JSON.stringify([message["role"], message["content"]]))).toEqual([
        '["user","two"]',
        '["assistant",[{"type":"text","text":"two"}]]',
        '["user","three"]',
        '["assistant",[{"type":"text","text":"three"}]]',
      ]);
      expect(read.map(({ runId }) => runId)).not.toContain(four.id);
      expect(rest.body.nextCursor).toBeNull();
      for (const wrong of ["0", "101", "x"])
        expectProblem(await page(`inheritedRuns=${wrong}`), 400, "invalid_request");
      expect(await client.threads.messages("long", { inheritedRuns: 9 })).toEqual({ data: [], nextCursor: null });
    });

    test("the thread of a fork shows what was said before the run, and then the fork with what it took over, once", async () => {
      await say("asked", "one");
      const two = await say("asked", "two");
      const { runId } = await client.runs.fork(two.id, { position: "2-0", input: "two, edited" });
      const fork = await pair.a.waitForEnd(runId);
      expect(shown(await viewOf(fork.threadId ?? "", hasEnded(1)))).toEqual([
        '+user "one"',
        "+model one",
        'user "two, edited"',
        "model two, edited",
      ]);
    });

    test("who has the branch alone sees all of it: its user, and a token for it", async () => {
      await say("annes", "one", { subject: "anne" });
      const [run] = (await client.runs.list({ subject: "anne" })).data;
      const body = { fromRunId: run?.id, subject: "bert" };
      const branch = await pair.a.call<{ id: string }>("POST", "/api/threads", body);
      const { id } = branch.body;
      for (const bounds of [{ subject: "bert" }, { threadId: id }]) {
        const made = { scopes: ["runs:read"], ...bounds };
        const { token } = (await pair.a.call<{ token: string }>("POST", "/api/tokens", made)).body;
        const by = createClient({ url: pair.b.url, token });
        expect(shown(await viewOf(id, always, { by }))).toEqual(['+user "one"', "+model one"]);
      }
      const { token } = (
        await pair.a.call<{ token: string }>("POST", "/api/tokens", { scopes: ["runs:read"], subject: "eve" })
      ).body;
      const eve = createClient({ url: pair.b.url, token });
      await expect(viewOf(id, always, { by: eve })).rejects.toMatchObject({ code: "not_found" });
    });
  });
});
