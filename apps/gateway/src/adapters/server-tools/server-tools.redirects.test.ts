import { describe, expect, test } from "vitest";
import { codeOf, json, perform, serve } from "../../../test/support/tool-server.ts";
import { TargetRefused } from "../../ports/target-refused.ts";

describe("redirects", () => {
  test("a redirect to what no tool may reach ends the call, and says who can allow it", async () => {
    const { url } = await serve((_, response) => response.writeHead(307, { location: "http://10.0.0.1/" }).end());
    const guarded: typeof fetch = async (target, init) => {
      if (new URL(target instanceof Request ? target.url : target).origin === url) return fetch(target, init);
      throw new TypeError("fetch failed", { cause: new TargetRefused() });
    };
    const outcome = await perform({ url }, {}, undefined, { send: guarded });
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "address_refused" } });
    expect(JSON.stringify(outcome)).toMatch(/redirected.*HSAFA_OUTBOUND_ALLOW/);
    expect(JSON.stringify(outcome)).not.toContain("10.0.0.1");
  });

  test("a redirect to another origin does not carry the tool's own headers", async () => {
    const there = await serve(json("there"));
    const here = await serve((_, response) => response.writeHead(307, { location: `${there.url}/moved` }).end());
    const headers = { authorization: "Bearer secret", "x-api-key": "secret" };
    expect(await perform({ url: here.url, headers }, { a: 1 })).toEqual({ kind: "completed", result: "there" });
    expect(there.received).toMatchObject([
      { method: "POST", url: "/moved", body: '{"a":1}', headers: { "idempotency-key": "call-1" } },
    ]);
    expect(JSON.stringify(there.received)).not.toContain("secret");
  });

  test("a redirect of a POST by 303 is followed with a GET", async () => {
    const { url, received } = await serve((request, response) => {
      if (request.url === "/made") response.end("made");
      else response.writeHead(303, { location: "/made" }).end();
    });
    expect(await perform({ url, headers: { authorization: "t" } })).toEqual({ kind: "completed", result: "made" });
    expect(received).toMatchObject([{ method: "POST" }, { method: "GET", body: "", headers: { authorization: "t" } }]);
  });

  test("a circle of redirects ends at the bound (R9)", async () => {
    const { url, received } = await serve((_, response) => response.writeHead(302, { location: "/again" }).end());
    expect(codeOf(await perform({ url }))).toBe("too_many_redirects");
    expect(received.length).toBeLessThan(10);
  });

  test("a redirect to a scheme other than HTTP is not followed", async () => {
    const { url } = await serve((_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end());
    expect(codeOf(await perform({ url }))).toBe("unreachable");
  });
});
