import type { Client } from "@hsafa/client";
import { type AgentConfigInput, type Device, providerToolName } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { connect } from "../connect.ts";
import { connectedDevices } from "../connected-devices.ts";
import { brief, own } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly json?: true;
}

export const tools = new CliCommand("tools")
  .argument("[agent]", "the tools of this agent, by its name or id, and which connected devices offer them")
  .printsJson("name, target, description and devices")
  .example("tools", "lists what connected devices offer")
  .example("tools assistant", "shows which tools of an agent nobody offers now")
  .action(async (agent: string | undefined, options: Options) => {
    const client = connect();
    const connected = await connectedDevices(client);
    if (agent === undefined) listOffered(connected, options);
    else await listTools(client, agent, { connected, ...options });
  });

function listOffered(connected: readonly Device[], { json }: Options): void {
  const names = new Set(connected.flatMap((device) => device.tools.map(({ name }) => name)));
  for (const name of [...names].toSorted()) {
    const devices = offering(connected, name);
    const description = connected
      .flatMap(({ tools: offered }) => offered)
      .find((tool) => tool.name === name)?.description;
    const item = { name, target: "device", description: description ?? "", devices };
    report(json, item, own`${name}  offered by ${devices.join(", ")}  ${brief(item.description)}`);
  }
}

async function listTools(
  client: Client,
  agent: string,
  { connected, json }: Options & { readonly connected: readonly Device[] },
): Promise<void> {
  const { currentVersion } = await client.agents.get(agent);
  // The gateway takes no other config.
  const config = currentVersion?.config as AgentConfigInput | undefined;
  if (config === undefined) throw new CliError(own`${agent} has no config that this key may read.`);
  for (const { name, target = "device", server, description = "" } of config.tools ?? []) {
    const place = server === undefined ? target : "server";
    const isOnDevice = place === "device" || place === "browser";
    const devices = isOnDevice ? offering(connected, name) : [];
    const item = { name, target: place, description, devices };
    const who = isOnDevice
      ? devices.length === 0
        ? own`no connected device offers it`
        : own`offered by ${devices.join(", ")}`
      : own`needs no device`;
    report(json, item, own`${name}  ${place}  ${who}`);
  }
  for (const { id } of config.providerTools ?? []) {
    const name = providerToolName(id);
    const item = { name, target: "provider", description: id, devices: [] };
    report(json, item, own`${name}  provider  executed by the provider itself, as ${id}`);
  }
}

function offering(connected: readonly Device[], tool: string): string[] {
  return connected.filter((device) => device.tools.some(({ name }) => name === tool)).map(({ key }) => key);
}
