import { spawn, spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { programEnv } from "../../../gateway/test/support/program-env.ts";

const HSAFA = join(import.meta.dirname, "../../bin/hsafa.js");
/** Each page comes so late that two of them take longer than a command is silent. */
const PAGE_MS = 700;
const PAGES = 3;
/** Removes the line that says how far a command is. */
const CLEAR = "\r\u001b[K";

/** Runs commands as on a terminal; it comes with every Linux. */
const hasScript = spawnSync("script", ["--version"]).status === 0;

let server: Server;
let url = "";
beforeAll(async () => {
  // A run whose events come in pages, each of them late.
  server = createServer((request, response) => {
    const page = Number(new URL(request.url ?? "", "http://x").searchParams.get("cursor") ?? 0);
    const data = [{ id: `${page + 1}-0`, ts: "2026-11-29T00:00:00Z", type: "run.started", data: {} }];
    const nextCursor = page + 1 < PAGES ? String(page + 1) : null;
    setTimeout(() => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ data, nextCursor }));
    }, PAGE_MS);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

/** Runs a command, on a terminal or with pipes, and returns all that it wrote. */
async function written(command: readonly string[], where: "terminal" | "pipe", term = "xterm"): Promise<string> {
  const line = [process.execPath, HSAFA, ...command].map((word) => `'${word}'`).join(" ");
  const [program, args] = where === "pipe" ? ["sh", ["-c", line]] : ["script", ["-qefc", line, "/dev/null"]];
  const env = { ...programEnv(), HSAFA_URL: url, HSAFA_API_KEY: "a key", TERM: term, NO_COLOR: "1" };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const output of [child.stdout, child.stderr])
    output.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  expect(await once(child, "close")).toEqual([0, null]);
  return text;
}

const EVENTS = ["events", "01980000-0000-7000-8000-000000000000"];
const linesOf = (text: string): string[] => text.replaceAll("\r\n", "\n").trimEnd().split("\n");

describe.skipIf(!hasScript)("a list that comes slowly", () => {
  test("on a terminal it is told how far it is, and that line is gone before the next one", async () => {
    const text = await written(EVENTS, "terminal");
    expect(text).toMatch(/reading; \d so far \(\d+ s\)/);
    // What stays on the screen is each line from its last removal on.
    const left = linesOf(text).map((line) =>
      line.slice(line.lastIndexOf(CLEAR) + (line.includes(CLEAR) ? CLEAR.length : 0)),
    );
    expect(left.filter((line) => line !== "")).toHaveLength(PAGES);
    expect(left.join("\n")).not.toContain("so far");
  });

  test.each([
    ["in a pipe", EVENTS, "pipe", "xterm"],
    ["with --json", [...EVENTS, "--json"], "terminal", "xterm"],
    ["on a terminal that cannot remove it", EVENTS, "terminal", "dumb"],
  ] as const)("nothing of the kind is written %s", async (_how, command, where, term) => {
    const text = await written(command, where, term);
    expect(linesOf(text)).toHaveLength(PAGES);
    expect(text).not.toContain("reading");
    expect(text).not.toContain("\u001b");
  });
});
