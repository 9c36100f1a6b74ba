import { hostname } from "node:os";
import { createDevice, type DeviceLinkState, type DeviceTool } from "@hsafa/client";
import type { JsonValue } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { loadEnvFile, readCliSettings } from "../config.ts";
import { requireKey } from "../connect.ts";
import { explain, CliError } from "../cli-error.ts";
import { sampleTools } from "../sample-tools.ts";
import { brief, own, type Shown, styled } from "../shown.ts";
import { note, tellJson } from "../terminal.ts";
import { readToolFile } from "../tool-file.ts";

interface Options {
  readonly key?: string;
  readonly name?: string;
  readonly tools?: string;
  readonly label: Readonly<Record<string, string>>;
  readonly json?: true;
}

/** What happens to the device, as `--json` prints it. */
type Happening =
  | { readonly event: "offers"; readonly tools: readonly string[] }
  | { readonly event: "online"; readonly url: string; readonly deviceKey: string; readonly deviceId: string }
  | { readonly event: "offline"; readonly url: string }
  | { readonly event: "pairing"; readonly code: string | null }
  | {
      readonly event: "call";
      readonly tool: string;
      readonly runId: string;
      readonly callId: string;
      readonly args: JsonValue;
    }
  | { readonly event: "result"; readonly tool: string; readonly callId: string; readonly result: JsonValue }
  | { readonly event: "error"; readonly message: string; readonly tool?: string; readonly callId?: string };

/** Tells a person or a program what happens. */
type Tell = (happening: Happening, shown: Shown) => void;

export const device = new CliCommand("device")
  .option("--key <key>", "this device's own name for itself (default: cli- and the name of this machine)")
  .option("--name <name>", "how people see it")
  .option(
    "--tools <module>",
    "a JavaScript or TypeScript module that exports tools by default; without it, a few harmless ones",
  )
  .option("--label <name=value>", "something to find it by; may be given several times", collectLabel, {})
  .printsJson("event (offers, online, offline, pairing, call, result, error) and its fields")
  .example("device", "offers a few harmless tools under the name of this machine")
  .example("device --key laptop --tools device.ts", "offers the tools that this module exports")
  .action(async (options: Options) => {
    const { url } = readCliSettings();
    const deviceKey = options.key ?? `cli-${hostname()}`;
    const token = requireKey();
    loadEnvFile();
    const tools = options.tools === undefined ? sampleTools : await readToolFile(options.tools);
    const tell: Tell = (happening, shown) => {
      if (options.json === true) tellJson(happening);
      else note(shown);
    };
    const linked = createDevice({
      url,
      token,
      deviceKey,
      displayName: options.name ?? deviceKey,
      platform: "node",
      labels: options.label,
      tools: Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, told(name, tool, tell)])),
      onPairing: (code) =>
        tell({ event: "pairing", code }, code === null ? styled("green", own`paired`) : pairingOf(code)),
      onState: tellStates(url, deviceKey, tell),
      onError: tellErrors(url, tell),
    });
    const names = Object.keys(tools);
    tell({ event: "offers", tools: names }, own`offers ${names.join(", ")}`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => linked.close());
    const stop = await linked.stopped;
    if (stop.kind !== "closed") throw new CliError(own`The device has stopped (${stop.kind}): ${stop.message}`);
  });

function collectLabel(text: string, labels: Record<string, string>): Record<string, string> {
  const [name = "", ...value] = text.split("=");
  if (name === "" || value.length === 0) throw new CliError(own`A label is written name=value, not '${text}'.`);
  return { ...labels, [name]: value.join("=") };
}

function pairingOf(code: string): Shown {
  return styled("yellow", own`gets no calls before somebody runs: hsafa devices pair ${code}`);
}

/** A gateway that is away is told once, until it is back. */
function tellStates(url: string, key: string, tell: Tell): (state: DeviceLinkState) => void {
  let isAwayTold = false;
  return (state) => {
    if (state.kind === "online") {
      isAwayTold = false;
      const { deviceId } = state;
      const shown = styled("green", own`connected to ${url} as ${key} (device ${deviceId})`);
      tell({ event: "online", url, deviceKey: key, deviceId }, shown);
    }
    if (state.kind === "waiting" && state.failures > 0 && !isAwayTold) {
      isAwayTold = true;
      const shown = own`not connected to ${url}; it is tried again until Ctrl-C. Is this the right gateway? HSAFA_URL names it.`;
      tell({ event: "offline", url }, styled("yellow", shown));
    }
  };
}

/** An error that comes with every attempt is told once. */
function tellErrors(url: string, tell: Tell): (error: unknown) => void {
  let last = "";
  return (error) => {
    const message = error instanceof Error ? error.message : String(error);
    if (message === last) return;
    last = message;
    tell({ event: "error", message }, styled("red", explain(error, url)));
  };
}

/** Returns the same tool, with its calls told. */
function told(name: string, tool: DeviceTool, tell: Tell): DeviceTool {
  return {
    ...tool,
    async execute(args, context) {
      const { runId, callId } = context;
      const called = own`${styled("cyan", own`-> ${name}`)} ${brief(args)} ${styled("dim", own`[run ${runId}]`)}`;
      tell({ event: "call", tool: name, runId, callId, args }, called);
      try {
        const returned: unknown = await tool.execute(args, context);
        const result = (returned ?? null) as JsonValue;
        tell(
          { event: "result", tool: name, callId, result },
          own`${styled("green", own`<- ${name}`)} ${brief(result)}`,
        );
        return returned;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        tell({ event: "error", message, tool: name, callId }, styled("red", own`<- ${name}: ${message}`));
        throw error;
      }
    },
  };
}
