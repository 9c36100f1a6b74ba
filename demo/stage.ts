import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@hsafa/client";
import { type Child, startHsafa } from "./child.ts";
import { type Line, openLine } from "./line.ts";
import type { Narrator } from "./narrator.ts";
import type { DemoSettings } from "./settings.ts";

/** What the play needs before it begins. */
export interface Stage {
  readonly client: Client;
  /** A client of the same gateway, through the line. */
  readonly clientOnLine: Client;
  readonly line: Line;
  readonly device: { readonly key: string; readonly id: string; readonly pid: number };
}

const DEVICE_TOOLS = join(import.meta.dirname, "device-tools.ts");

/**
 * Starts gateway and device, each in a process of its own. It adds what it opens to `opened`. The caller closes that in
 * the opposite order, also when this function fails half-way.
 */
export async function setStage(
  settings: DemoSettings,
  narrator: Narrator,
  opened: (() => Promise<void>)[],
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-demo-"));
  opened.push(async () => rmSync(folder, { recursive: true, force: true }));
  const { url, apiKey } = settings.running ?? (await startGateway(folder, settings, narrator, opened));

  const client = createClient({ url, token: apiKey });
  // Fails here if the gateway is away or refuses the key.
  await client.agents.list({ limit: 1 });
  const line = await openLine(url);
  opened.push(() => line.close());
  const clientOnLine = createClient({ url: line.url, token: apiKey });

  const key = `demo-${process.pid}-${Date.now().toString(36)}`;
  const env = { ...settings.childEnv, HSAFA_URL: url, HSAFA_API_KEY: apiKey };
  const device = startHsafa(["device", "--key", key, "--tools", DEVICE_TOOLS], { cwd: folder, env });
  opened.push(() => device.stop());
  const [, id = ""] = await device.says(/\(device (\S+)\)/);
  narrator.fact("device", `process ${device.pid}, connected by WebSocket, offers describe_machine`);
  return { client, clientOnLine, line, device: { key, id, pid: device.pid } };
}

async function startGateway(
  folder: string,
  settings: DemoSettings,
  narrator: Narrator,
  opened: (() => Promise<void>)[],
): Promise<{ readonly url: string; readonly apiKey: string }> {
  const since = performance.now();
  const dataDir = join(folder, "data");
  const env = { ...settings.childEnv, HSAFA_DATA_DIR: dataDir };
  const gateway: Child = startHsafa(["dev", "--port", "0"], { cwd: folder, env });
  opened.push(() => gateway.stop());
  const [, url = ""] = await gateway.says(/listening on (\S+)/);
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  narrator.fact("gateway", `process ${gateway.pid}, ${url}, ready in ${seconds} s, its database in a temporary folder`);
  return { url, apiKey: readFileSync(join(dataDir, "key"), "utf8").trim() };
}
