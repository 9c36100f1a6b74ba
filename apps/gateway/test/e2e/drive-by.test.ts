import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { missingServices } from "../services/services.ts";
import { launchChromium } from "../services/launch-chromium.ts";

/**
 * Somebody runs `hsafa dev` as they were told, and opens a hostile page in the same machine's browser. The page knows
 * the gateway's address, and in some tests even its key.
 */

const COMMAND = join(import.meta.dirname, "../../../cli/bin/hsafa.js");
const TEST_MAX_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), "hsafa-drive-by-"));
let command: ChildProcess;
let url = "";
let key = "";

beforeAll(async () => {
  const { PATH, HOME } = process.env;
  command = spawn(process.execPath, [COMMAND, "dev", "--port", "0"], {
    cwd: folder,
    env: { PATH, HOME },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (command.stdout === null) throw new Error("the command has no output");
  for await (const line of createInterface({ input: command.stdout })) {
    url = /^listening on (\S+)/.exec(line)?.[1] ?? "";
    if (url !== "") break;
  }
  key = readFileSync(join(folder, ".hsafa/key"), "utf8").trim();
});
afterAll(async () => {
  const ended = once(command, "exit");
  command.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true });
});

/** Whatever a stranger could change: what the owner sees of it. */
async function seen(): Promise<unknown> {
  const lists = ["agents", "runs", "devices", "keys", "secrets"].map(async (list) => {
    const response = await fetch(`${url}/api/${list}`, { headers: { authorization: `Bearer ${key}` } });
    const { data } = (await response.json()) as { data: { id?: string; name?: string }[] };
    return data.map(({ id, name }) => id ?? name);
  });
  return Promise.all(lists);
}

/** Sends a request as it stands, and returns the response: its head and its body. */
function raw(lines: readonly string[], body = ""): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
      socket.write([...lines, ...length, "Connection: close", "", body].join("\r\n"));
    });
    let received = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      received += text;
    });
    socket.on("end", () => resolve(received)).on("error", reject);
  });
}

function statusOf(response: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(response)?.[1]);
}

describe("a gateway of 'hsafa dev', asked as a browser asks for a page", () => {
  const host = (): string => `Host: ${new URL(url).host}`;

  test("its key lies where only its owner reads it, and no address gives it away", async () => {
    expect(statSync(join(folder, ".hsafa/key")).mode & 0o777).toBe(0o600);
    const paths = ["/key", "/.hsafa/key", "/.hsafa/", "/..%2f.hsafa/key", "/%2e%2e/.hsafa/key", "/docs/../.hsafa/key"];
    const pages = ["/", "/docs", "/openapi.json", "/health", "/ready", "/metrics", "/api/keys", "/api/agents"];
    const statuses: number[] = [];
    for (const path of [...paths, ...pages]) {
      const response = await raw([`GET ${path} HTTP/1.1`, host()]);
      statuses.push(statusOf(response));
      expect(response).not.toContain(key);
      expect(response.toLowerCase()).not.toContain("access-control-allow-origin");
    }
    expect(statuses.slice(0, paths.length)).toEqual(paths.map(() => 404));
  });

  test("CSRF: a form changes nothing, whatever it calls its body, and even with the key", async () => {
    const before = await seen();
    const bodies: Readonly<Record<string, string>> = {
      "/api/agents": '{"name":"forged","config":{"name":"forged","model":"demo/echo"}}',
      "/api/runs": '{"agent":"forged","input":"x"}',
      "/api/keys": '{"name":"forged","scopes":["admin"]}',
      "/api/threads": "{}",
    };
    const types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""];
    for (const [path, body] of Object.entries(bodies)) {
      for (const type of types) {
        const head = [`POST ${path} HTTP/1.1`, host(), "Origin: https://evil.example"];
        if (type !== "") head.push(`Content-Type: ${type}`);
        expect(statusOf(await raw(head, body))).toBe(401);
        expect(statusOf(await raw([...head, `Authorization: Bearer ${key}`], body))).toBe(415);
      }
    }
    expect(await seen()).toEqual(before);
  });

  test("CORS: no origin is let in, also not by the preflight for a private network", async () => {
    const { port } = new URL(url);
    for (const origin of [
      "https://evil.example",
      "null",
      "file://",
      "http://localhost:1",
      `http://127.0.0.1:${port}0`,
    ]) {
      const response = await raw([
        "OPTIONS /api/runs HTTP/1.1",
        host(),
        `Origin: ${origin}`,
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type",
        "Access-Control-Request-Private-Network: true",
      ]);
      expect(response.toLowerCase()).not.toContain("access-control-allow");
    }
  });

  test("WebSocket hijacking and DNS rebinding: a socket opens for no other origin, and under no other name", async () => {
    const attempts = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "file://" },
      { origin: "http://localhost:1" },
      { headers: { host: "evil.example" } },
      { headers: { host: "evil.example" }, origin: "http://evil.example" },
      { headers: { host: "127.0.0.1.evil.example" } },
    ];
    for (const path of ["/devices/connect", "/api/watch"]) {
      for (const options of attempts) {
        const socket = new WebSocket(url.replace("http", "ws") + path, options);
        const status = await new Promise((resolve) => {
          socket.on("unexpected-response", (request, response) => {
            resolve(response.statusCode);
            request.destroy();
          });
          socket.on("open", () => resolve("open")).on("error", () => {});
        });
        expect({ path, options, status }).toEqual({ path, options, status: 403 });
      }
    }
    for (const path of ["/", "/docs", "/openapi.json", "/metrics", "/api/runs"]) {
      const answers = ["evil.example", "evil.example:80", "localhost.evil.example"].map(async (name) =>
        statusOf(await raw([`GET ${path} HTTP/1.1`, `Host: ${name}`, `Authorization: Bearer ${key}`])),
      );
      expect(await Promise.all(answers)).toEqual([403, 403, 403]);
    }
  });
});

describe.skipIf(await missingServices("chromium"))("a gateway of 'hsafa dev', and a hostile page in Chromium", () => {
  let browser: Browser;
  let evil: Server;
  let page: Page;

  beforeAll(async () => {
    evil = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html>"));
    await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
    browser = await launchChromium("--host-resolver-rules=MAP rebound.example 127.0.0.1");
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`);
  }, TEST_MAX_MS);
  afterAll(async () => {
    await browser.close();
    evil.close();
  });

  /** Runs it in the page; what it throws is what it gives. */
  const attempt = (what: string): Promise<unknown> =>
    page.evaluate(`(async () => { try { return await (async () => { ${what} })(); } catch { return "blocked"; } })()`);

  test(
    "no request of the page starts or reads anything, not even one that has the key",
    async () => {
      const before = await seen();
      const body = JSON.stringify(JSON.stringify({ name: "forged", config: { name: "forged", model: "demo/echo" } }));
      const at = JSON.stringify(`${url}/api/agents`);
      const headers = `{ "content-type": "application/json", authorization: "Bearer ${key}" }`;
      expect(
        await attempt(`await fetch(${at}, { method: "POST", headers: ${headers}, body: ${body} }); return 1`),
      ).toBe("blocked");
      expect(await attempt(`return (await fetch(${at}, { headers: ${headers} })).text()`)).toBe("blocked");
      const silent = `{ method: "POST", mode: "no-cors", headers: ${headers}, body: ${body} }`;
      expect(await attempt(`return (await fetch(${at}, ${silent})).type`)).toBe("opaque");
      for (const path of ["/openapi.json", "/docs", "/metrics", "/health"])
        expect(await attempt(`return (await fetch(${JSON.stringify(url + path)})).text()`)).toBe("blocked");
      for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
        await attempt(`
          const frame = Object.assign(document.createElement("iframe"), { name: "sink-${enctype}" });
          const form = Object.assign(document.createElement("form"), { method: "POST", action: ${at}, enctype: "${enctype}" });
          form.target = frame.name;
          form.append(Object.assign(document.createElement("input"), { name: '{"name":"forged","x":"', value: '"}' }));
          document.body.append(frame, form);
          await new Promise((resolve) => { frame.onload = resolve; form.submit(); });`);
      }
      await attempt(`navigator.sendBeacon(${at}, new Blob([${body}], { type: "text/plain" }))`);
      expect(await seen()).toEqual(before);
    },
    TEST_MAX_MS,
  );

  test(
    "no socket opens, no answer is a script or a style, and no page is shown in a frame or read in a window",
    async () => {
      for (const path of ["/devices/connect", "/api/watch"]) {
        const socket = JSON.stringify(url.replace("http", "ws") + path);
        const opened = await attempt(`return new Promise((resolve) => {
          const socket = new WebSocket(${socket});
          socket.onopen = () => resolve("opened");
          socket.onerror = () => resolve("blocked");
        })`);
        expect(opened).toBe("blocked");
      }
      for (const path of ["/openapi.json", "/docs", "/metrics", "/api/agents"]) {
        for (const [element, address] of [
          ["script", "src"],
          ["link", "href"],
        ] as const) {
          const loaded = await attempt(`return new Promise((resolve) => {
            const element = Object.assign(document.createElement("${element}"), { rel: "stylesheet" });
            element.onload = () => resolve("loaded");
            element.onerror = () => resolve("blocked");
            element.${address} = ${JSON.stringify(url + path)};
            document.body.append(element);
          })`);
          expect({ path, element, loaded }).toEqual({ path, element, loaded: "blocked" });
        }
      }
      for (const path of ["/", "/docs"]) {
        const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
        await attempt(`document.body.append(
          Object.assign(document.createElement("iframe"), { src: ${JSON.stringify(url + path)} }))`);
        expect((await refused).text()).toMatch(/frame-ancestors 'none'/);
        const read = await attempt(`
          const opened = window.open(${JSON.stringify(url + path)});
          if (opened === null) return "no window";
          // It is a blank page of this origin until the other one is there.
          while (opened.document.URL === "about:blank") await new Promise((resolve) => setTimeout(resolve, 10));
          return opened.document.body.textContent`);
        expect(read).toBe("blocked");
      }
    },
    TEST_MAX_MS,
  );

  test(
    "the key's file is read neither by a page of the network nor by one that was saved beside it",
    async () => {
      const file = pathToFileURL(join(folder, ".hsafa/key")).href;
      const read = `return (await fetch(${JSON.stringify(file)})).text()`;
      expect(await attempt(read)).toBe("blocked");
      const saved = join(folder, "saved.html");
      writeFileSync(saved, "<!doctype html>");
      const local = await browser.newPage();
      await local.goto(pathToFileURL(saved).href);
      const asked = `(async () => { try { ${read} } catch { return "blocked"; } })()`;
      expect(await local.evaluate(asked)).toBe("blocked");
      const api = `(async () => { try { return (await fetch("${url}/openapi.json")).text() } catch { return "blocked"; } })()`;
      expect(await local.evaluate(api)).toBe("blocked");
      await local.close();
    },
    TEST_MAX_MS,
  );

  test(
    "under a name that was rebound to loopback nothing is served",
    async () => {
      const { port } = new URL(url);
      const rebound = await browser.newPage();
      for (const path of ["/", "/docs", "/openapi.json", "/metrics", "/api/runs"]) {
        const response = await rebound.goto(`http://rebound.example:${port}${path}`);
        expect({ path, status: response?.status() }).toEqual({ path, status: 403 });
      }
      await rebound.close();
    },
    TEST_MAX_MS,
  );
});
