import { CliCommand } from "../cli-command.ts";
import { setWorkers } from "../config.ts";

export const start = new CliCommand("start")
  .option(
    "--workers <count>",
    "processes that serve the port: a number, or 'auto' for one on each core (HSAFA_WORKERS)",
  )
  .example("start", "serves until SIGTERM; its log is JSON already, one object a line")
  .example("start --workers auto", "serves with all cores; needs DATABASE_URL and REDIS_URL")
  .action(async ({ workers }: { readonly workers?: string }) => {
    if (workers !== undefined) setWorkers(workers);
    await import("#gateway/main");
  });
