import { createServer } from "node:net";
import { once } from "node:events";
import { type Check, checkNamed } from "../check.ts";
import { CliCommand } from "../cli-command.ts";
import { environment, loadEnvFile, readCliSettings } from "../config.ts";
import { EXIT } from "../exit-code.ts";
import { CHECK_TIMEOUT_MS, CLOCK_SKEW_MS_MAX } from "../limits.ts";
import { measureStream } from "../measure-stream.ts";
import { withProgress } from "../progress.ts";
import { lines, own, type Shown, styled } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly agent?: string;
  readonly json?: true;
}

export const doctor = new CliCommand("doctor")
  .option("--agent <agent>", "also start a run of this agent, to see whether a proxy holds its events back")
  .printsJson("name, state (ok, warning, broken, skipped), message and cure")
  .example("doctor", "checks Node, the port, the gateway, the key, the clock, Postgres and Redis")
  .example("doctor --agent assistant", "checks proxies as well, by a run of this agent")
  .action(async ({ agent, json }: Options) => {
    const settings = readCliSettings();
    loadEnvFile();
    const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, PORT: port = "3001" } = environment();
    await withProgress(json, async (progress) => {
      progress.tell(own`asking ${settings.url}`);
      const health = await askHealth(settings.url);
      const isUp = health.kind === "up";
      const skipped = (name: string): Check => checkNamed(name).skipped("no gateway answers");
      const checks: Readonly<Record<string, () => Check | Promise<Check>>> = {
        node: checkNode,
        gateway: () => checkGateway(settings.url, health),
        port: () => (isUp ? checkNamed("port").ok("not needed: a gateway runs already") : checkPort(Number(port))),
        readiness: () => (isUp ? checkReady(settings.url) : skipped("readiness")),
        key: () => (isUp ? checkKey(settings) : skipped("key")),
        clock: () => (isUp ? checkClock(health.date) : skipped("clock")),
        postgres: () => checkPostgres(databaseUrl),
        redis: () => checkRedis(redisUrl),
        proxy: () => checkProxy(isUp, agent),
      };
      for (const [name, look] of Object.entries(checks)) {
        progress.tell(own`checking ${name}`);
        const check = await look();
        report(json, check, describe(check));
        if (check.state === "broken") process.exitCode = EXIT.fault;
      }
    });
  });

function describe({ name, state, message, cure }: Check): Shown {
  const style = ({ ok: "green", warning: "yellow", broken: "red", skipped: "dim" } as const)[state];
  const line = own`${styled(style, own`${state.padEnd(8)}`)} ${name.padEnd(10)} ${message}`;
  return cure === null ? line : lines([line, own`           ${cure}`]);
}

function checkNode(): Check {
  const check = checkNamed("node");
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  // bin/hsafa.js has refused what is older than 22.12.
  if (major === 22 && minor < 18) {
    return check.warning(
      `${process.version} cannot read TypeScript as it is`,
      "Install Node 24, or write agents as JSON.",
    );
  }
  return check.ok(process.version);
}

type Health =
  | { readonly kind: "up"; readonly date: string | null }
  | { readonly kind: "other" | "away"; readonly why: string };

async function askHealth(url: string): Promise<Health> {
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    const text = await response.text();
    if (response.ok && /"status":\s*"ok"/.test(text)) return { kind: "up", date: response.headers.get("date") };
    return { kind: "other", why: `something else answers there, with status ${response.status}` };
  } catch (error) {
    return { kind: "away", why: reasonOf(error) };
  }
}

function checkGateway(url: string, health: Health): Check {
  const check = checkNamed("gateway");
  if (health.kind === "up") return check.ok(`answers at ${url}`);
  const cure = "Start one with 'npx hsafa dev', or set HSAFA_URL to where one runs.";
  return check.broken(`none at ${url}: ${health.why}`, cure);
}

async function checkPort(port: number): Promise<Check> {
  const check = checkNamed("port");
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return check.ok(`${port} is free`);
  } catch (error) {
    return check.broken(`${port} cannot be used: ${reasonOf(error)}`, "Take another one: npx hsafa dev --port 0");
  } finally {
    server.close();
  }
}

async function checkReady(url: string): Promise<Check> {
  const check = checkNamed("readiness");
  const response = await fetch(new URL("/ready", url), { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
  if (response.ok) return check.ok("the gateway reaches its store and its live log");
  const { detail = `status ${response.status}` } = (await response.json().catch(() => ({}))) as { detail?: string };
  return check.broken(detail, "Mend what it names; docs/deploy has a page each for Postgres and Redis.");
}

async function checkKey({ url, key, dataDir }: ReturnType<typeof readCliSettings>): Promise<Check> {
  const check = checkNamed("key");
  if (key.kind !== "given") {
    const cure = "Set HSAFA_API_KEY, or start 'npx hsafa dev' in this folder, which makes one.";
    return check.broken(`none for ${url} (HSAFA_API_KEY is not set; looked in ${dataDir})`, cure);
  }
  const { createClient, HsafaError } = await import("@hsafa/client");
  try {
    await createClient({ url, token: key.apiKey }).agents.list({ limit: 1 });
    return check.ok("the gateway takes it");
  } catch (error) {
    const code = error instanceof HsafaError ? error.code : "unexpected_response";
    return check.broken(
      `the gateway refuses it: ${reasonOf(error)} [${code}]`,
      "Make another one: npx hsafa keys create",
    );
  }
}

function checkClock(date: string | null): Check {
  const check = checkNamed("clock");
  if (date === null) return check.skipped("the gateway's response has no date");
  const skewMs = Date.now() - Date.parse(date);
  const told = `${(Math.abs(skewMs) / 1000).toFixed(0)} s ${skewMs > 0 ? "ahead of" : "behind"} the gateway's`;
  if (Math.abs(skewMs) <= CLOCK_SKEW_MS_MAX) return check.ok("the same as the gateway's");
  return check.warning(
    `this machine's clock is ${told}`,
    "Let both be set by NTP: tokens expire by the gateway's clock.",
  );
}

async function checkPostgres(url: string | undefined): Promise<Check> {
  if (!url) return checkNamed("postgres").skipped("DATABASE_URL is not set; 'hsafa dev' needs none");
  const { examineServices } = await import("#gateway/examine");
  return { name: "postgres", ...(await examineServices.postgres(url)) };
}

async function checkRedis(url: string | undefined): Promise<Check> {
  if (!url) return checkNamed("redis").skipped("REDIS_URL is not set; one gateway alone needs none");
  const { examineServices } = await import("#gateway/examine");
  return { name: "redis", ...(await examineServices.redis(url)) };
}

async function checkProxy(isUp: boolean, agent: string | undefined): Promise<Check> {
  const check = checkNamed("proxy");
  if (!isUp) return check.skipped("no gateway answers");
  if (agent === undefined) return check.skipped("add --agent <agent>: a run of it shows whether events are held back");
  const { connect } = await import("../connect.ts");
  const measure = () => measureStream(connect(), agent).catch((error: unknown) => reasonOf(error));
  let found = await measure();
  // A busy machine may open one stream late. A proxy holds back every one.
  if (typeof found !== "string" && found.kind === "held_back") found = await measure();
  if (typeof found === "string")
    return check.broken(`the run of ${agent} cannot be followed: ${found}`, "Push it first.");
  switch (found.kind) {
    case "flows":
      return check.ok(`events come as they happen (over ${found.spreadMs} ms)`);
    case "held_back": {
      const cure = "Turn buffering off for text/event-stream in each proxy; in nginx: proxy_buffering off.";
      return check.broken(`events of ${found.spreadMs} ms came all at once: a proxy holds them back`, cure);
    }
    case "too_short":
      return check.skipped(`the answer of ${agent} was too short to tell; take an agent that says more`);
    default:
      return found satisfies never;
  }
}

/** Node's error says only "fetch failed"; its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  if (cause.message !== "") return cause.message;
  return "code" in cause ? String(cause.code) : cause.name;
}
