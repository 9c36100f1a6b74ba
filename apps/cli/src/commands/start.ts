import { CliCommand } from "../cli-command.ts";

export const start = new CliCommand("start")
  .example("start", "serves until SIGTERM; its log is JSON already, one object a line")
  .action(async () => {
    await import("#gateway/main");
  });
