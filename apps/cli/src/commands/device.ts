import { hostname } from "node:os";
import { createDevice, type DeviceLinkState, type DeviceTool } from "@hsafa/client";
import { Command } from "commander";
import { readCliSettings } from "../config.ts";
import { requireKey } from "../connect.ts";
import { explain, CliError } from "../cli-error.ts";
import { sampleTools } from "../sample-tools.ts";
import { note, paintNote } from "../terminal.ts";
import { readToolFile } from "../tool-file.ts";

interface Options {
  readonly key: string;
  readonly name?: string;
  readonly tools?: string;
  readonly label: Readonly<Record<string, string>>;
}

export const device = new Command("device")
  .description("make this machine a device that agents can use tools of, until Ctrl-C")
  .option("--key <key>", "this device's own name for itself", `cli-${hostname()}`)
  .option("--name <name>", "how people see it")
  .option(
    "--tools <module>",
    "a JavaScript or TypeScript module that exports tools by default; without it, a few harmless ones",
  )
  .option("--label <name=value>", "something to find it by; may be given several times", collectLabel, {})
  .action(async (options: Options) => {
    const tools = options.tools === undefined ? sampleTools : await readToolFile(options.tools);
    const { url } = readCliSettings();
    const linked = createDevice({
      url,
      token: requireKey(),
      deviceKey: options.key,
      displayName: options.name ?? options.key,
      platform: "node",
      labels: options.label,
      tools: Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, told(name, tool)])),
      onState: (state) => tellState(state, url, options.key),
      onError: (error) => note(paintNote("red", explain(error, url))),
    });
    note(`offers ${Object.keys(tools).join(", ")}`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => linked.close());
    const stop = await linked.stopped;
    if (stop.kind !== "closed") throw new CliError(`The device has stopped (${stop.kind}): ${stop.message}`);
  });

function collectLabel(text: string, labels: Record<string, string>): Record<string, string> {
  const [name = "", ...value] = text.split("=");
  if (name === "" || value.length === 0) throw new CliError(`A label is written name=value, not '${text}'.`);
  return { ...labels, [name]: value.join("=") };
}

function tellState(state: DeviceLinkState, url: string, key: string): void {
  if (state.kind === "online") note(paintNote("green", `connected to ${url} as ${key} (device ${state.deviceId})`));
  if (state.kind === "waiting" && state.failures > 0) {
    note(paintNote("yellow", `not connected to ${url}; trying again in ${(state.delayMs / 1000).toFixed(1)} s`));
  }
}

/** Returns the same tool, with its calls shown on the terminal. */
function told(name: string, tool: DeviceTool): DeviceTool {
  return {
    ...tool,
    async execute(args, context) {
      note(`${paintNote("cyan", `-> ${name}`)} ${JSON.stringify(args)} ${paintNote("dim", `[run ${context.runId}]`)}`);
      try {
        const result: unknown = await tool.execute(args, context);
        note(`${paintNote("green", `<- ${name}`)} ${JSON.stringify(result)}`);
        return result;
      } catch (error) {
        note(paintNote("red", `<- ${name}: ${error instanceof Error ? error.message : String(error)}`));
        throw error;
      }
    },
  };
}
