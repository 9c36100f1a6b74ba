import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { Gateway } from "@hsafa/gateway";
import { Command } from "commander";
import { environment, URL_DEFAULT } from "../config.ts";
import { CliError } from "../cli-error.ts";
import { note, paintNote } from "../terminal.ts";

export const dev = new Command("dev")
  .description("run a gateway here that needs no other service, until Ctrl-C")
  .option("--port <port>", "where it listens; 0 is any free port (default: PORT, else 3001)")
  .action(async (options: { port?: string }) => {
    const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, ...env } = environment();
    if (databaseUrl || redisUrl) {
      note(
        paintNote(
          "yellow",
          "DATABASE_URL and REDIS_URL are left aside: 'hsafa dev' keeps all in its folder, 'hsafa start' uses them.",
        ),
      );
    }
    const { findStarter, stopRequest } = await import("@hsafa/gateway");
    const starter = await findStarter();
    const gateway = await open({ ...env, PORT: options.port ?? env.PORT });
    const stop = stopRequest(gateway.settings, starter);
    console.log(welcome(gateway));
    await stop;
    await gateway.close();
  });

async function open(env: Readonly<Record<string, string | undefined>>): Promise<Gateway> {
  // The gateway's code is loaded here, so that no other command waits for it.
  const { readSettings, startGateway } = await import("@hsafa/gateway");
  try {
    return await startGateway(readSettings(env), { logLevel: "warn", drainMs: 0 });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const inUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    throw new CliError(
      inUse ? `${message}\nA gateway may be running already. For another place: npx hsafa dev --port 0` : message,
      {
        cause: error,
      },
    );
  }
}

function welcome({ url, settings }: Gateway): string {
  const folder = relative("", settings.dataDir) || ".";
  const sample = join("examples", "assistant.json");
  const agent = existsSync(sample) ? sample : "<your agent's config>.json";
  return [
    // Counts from the start of this process, because a person waits from there on.
    `listening on ${url} (ready in ${(performance.now() / 1000).toFixed(1)} s)`,
    `  reference  ${url}/docs`,
    `  key        ${join(folder, "key")} (commands in this folder find it; elsewhere set HSAFA_URL and HSAFA_API_KEY)`,
    "",
    "Try in another terminal, in this folder:",
    // The commands look for a gateway at the default address.
    ...(url === URL_DEFAULT ? [] : [`  export HSAFA_URL=${url}`]),
    `  npx hsafa push ${agent}`,
    `  npx hsafa device`,
    `  npx hsafa run assistant "What time is it?"`,
    "",
    "Ctrl-C ends it; runs in progress go on at the next start.",
  ].join("\n");
}
