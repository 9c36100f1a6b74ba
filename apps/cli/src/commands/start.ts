import { Command } from "commander";

export const start = new Command("start")
  .description("run a gateway for production, as the environment says, until SIGTERM")
  .action(async () => {
    await import("@hsafa/gateway/main");
  });
