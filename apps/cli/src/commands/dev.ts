import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { Gateway, RefusedRequest } from "#gateway";
import { createClient } from "@hsafa/client";
import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { environment, loadEnvFile } from "../config.ts";
import type { ProjectConfig } from "../define-config.ts";
import { DevAgents } from "../dev-agents.ts";
import { DevFeed } from "../dev-feed.ts";
import { type DevHappening, describeHappening } from "../dev-happening.ts";
import { AGENTS_FOLDER, readProjectConfig } from "../project-config.ts";
import { refusalTeller } from "../refusal-teller.ts";
import { lines, own, paragraph, type Shown, styled } from "../shown.ts";
import { note, report, tell } from "../terminal.ts";

interface Options {
  readonly port?: string;
  readonly json?: true;
}

export const dev = new CliCommand("dev")
  .argument("[paths...]", "files and folders of agents to push on every save; the project's if left out")
  .option("--port <port>", "where it listens; 0 is any free port (default: PORT, else 3001)")
  .printsJson("event (listening, pushed, push_failed, file_gone, run, device, refused, left_out) and its fields")
  .example("dev", "keeps all in .hsafa, and pushes the agents in 'agents' on every save")
  .example("dev --port 0 examples/assistant.json", "takes any free port, and watches one agent")
  .action(async (paths: string[], options: Options) => {
    loadEnvFile();
    const project = await readProjectConfig();
    const happened = (happening: DevHappening): void => report(options.json, happening, describeHappening(happening));
    const refused = refusalTeller(happened, () => performance.now());
    const { findStarter, releaseStartMemory, stopRequest } = await import("#gateway");
    const starter = await findStarter();
    const gateway = await open(settingsFor(project, options), ({ method, route, status, refusedOrigin }) =>
      refused({ event: "refused", method, route, status, refusedOrigin }),
    );
    const stop = stopRequest(gateway.settings, starter);
    const given = paths.length > 0 ? paths : (project.agents ?? [AGENTS_FOLDER]);
    const client = createClient({ url: gateway.url, token: gateway.apiKey ?? environment().HSAFA_ADMIN_KEY ?? "" });
    const agents = new DevAgents({ client, paths: given, tell: happened });
    const feed = new DevFeed({ client, url: gateway.url, tell: happened });
    // First the agents: who reads that it listens may start a run at once.
    await agents.look();
    releaseStartMemory();
    if (options.json === true) happened({ event: "listening", url: gateway.url });
    else tell(welcome(gateway, given));
    await feed.start();
    await stop;
    await Promise.all([agents.close(), feed.close()]);
    await gateway.close();
  });

/** The environment for the gateway. What the project says stands behind it. */
function settingsFor(project: ProjectConfig, { port }: Options): Readonly<Record<string, string | undefined>> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, ...env } = environment();
  if (databaseUrl || redisUrl) {
    note(
      styled(
        "yellow",
        own`DATABASE_URL and REDIS_URL are left aside: 'hsafa dev' keeps all in its folder, 'hsafa start' uses them.`,
      ),
    );
  }
  const origins = [env.HSAFA_ALLOWED_ORIGINS, ...(project.allowedOrigins ?? [])].filter((origin) => origin);
  return {
    ...env,
    PORT: port ?? (env.PORT || project.port?.toString()),
    ...(origins.length === 0 ? {} : { HSAFA_ALLOWED_ORIGINS: origins.join(",") }),
  };
}

async function open(
  env: Readonly<Record<string, string | undefined>>,
  onRefused: (refused: RefusedRequest) => void,
): Promise<Gateway> {
  // The gateway's code is loaded here, so that no other command waits for it.
  const { readSettings, startGateway } = await import("#gateway");
  try {
    return await startGateway(readSettings(env), { logLevel: "warn", drainMs: 0, signsInOwner: true, onRefused });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const inUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    throw new CliError(
      inUse
        ? own`${message}\nA gateway may be running already. For another place: npx hsafa dev --port 0`
        : paragraph(message),
      {
        cause: error,
      },
    );
  }
}

function welcome({ url, settings }: Gateway, paths: readonly string[]): Shown {
  const folder = relative("", settings.dataDir) || ".";
  const sample = join("examples", "assistant.json");
  const isProject = paths.some((path) => existsSync(path));
  const watched = isProject
    ? own`  agents     ${paths.join(", ")} (pushed on every save)`
    : own`  agents     none: there is no folder '${paths.join(", ")}' yet`;
  const agent = existsSync(sample) ? sample : "<your agent's config>.json";
  return lines([
    // Counts from the start of this process, because a person waits from there on.
    own`listening on ${url} (ready in ${(performance.now() / 1000).toFixed(1)} s)`,
    own`  console    ${url}/ (runs as they happen; it asks for no key on this machine)`,
    own`  reference  ${url}/docs`,
    own`  key        ${join(folder, "key")} (commands in this folder find it; elsewhere set HSAFA_URL and HSAFA_API_KEY)`,
    watched,
    own``,
    own`Try in another terminal, in this folder:`,
    ...(isProject ? [] : [own`  npx hsafa push ${agent}`]),
    own`  npx hsafa device`,
    own`  npx hsafa run ${isProject ? "<agent>" : "assistant"} "What time is it?"`,
    own``,
    own`Ctrl-C ends it; runs in progress go on at the next start.`,
  ]);
}
