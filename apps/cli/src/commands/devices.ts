import type { Device, PageQuery } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect, connectOperator } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { lines, own, type Shown, styled } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly json?: true;
}

export const devices = new CliCommand("devices").example("devices list", "lists devices, connected or not");

devices
  .command("list")
  .description("list the devices, newest first, and which of them wait to be paired")
  .option("--subject <subject>", "of this user of the tenant only")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("devices, as GET /api/devices has them,")
  .example("devices list", "lists id, key, state and pairing of each device")
  .action(async ({ subject, limit, json }: Options & { subject?: string; limit: number }) => {
    const client = connect();
    const read = (query: PageQuery) => client.devices.list({ subject, ...query });
    await reportList({ read, limit, asJson: json, shownOf: lineOf });
  });

devices
  .command("show")
  .description("show a device with its latest connections")
  .argument("<deviceId>")
  .printsJson("the device, as GET /api/devices/:id has it,")
  .example("devices show 01980000-0000-7000-8000-000000000000", "shows when and why it was cut off")
  .action(async (deviceId: string, { json }: Options) => {
    const device = await connect().devices.get(deviceId);
    const sessions = device.sessions.map(({ connectedAt, disconnectedAt, reason }) =>
      disconnectedAt === null
        ? own`  connected since ${connectedAt}`
        : own`  ${connectedAt} to ${disconnectedAt}: ${reason ?? "no reason kept"}`,
    );
    report(json, device, lines([lineOf(device), ...sessions]));
  });

devices
  .command("pair")
  .description("let the device that shows this code take calls")
  .argument("<code>", "as the device shows it, such as WDJB-MJHT")
  .printsJson("deviceId and deviceKey")
  .example("devices pair WDJB-MJHT", "lets the device that shows this code take calls")
  .action(async (code: string, { json }: Options) => {
    const paired = await connectOperator().pairings.approve(code);
    report(json, paired, own`paired: ${paired.deviceKey} (device ${paired.deviceId})`);
  });

devices
  .command("rm")
  .description("delete a device and close its connection")
  .argument("<deviceId>")
  .printsJson("deviceId")
  .example("devices rm 01980000-0000-7000-8000-000000000000", "forgets this device")
  .action(async (deviceId: string, { json }: Options) => {
    await connect().devices.delete(deviceId);
    report(json, { deviceId }, own`deleted: ${deviceId}`);
  });

function lineOf(device: Device): Shown {
  const { id, key, subject, online, lastSeenAt } = device;
  const whose = subject === null ? own`` : own` of ${subject}`;
  const seen = online ? own`online` : own`seen ${lastSeenAt ?? "never"}`;
  return own`${id}  ${key}${whose}  ${seen}${pairingOf(device)}`;
}

function pairingOf({ pairing }: Device): Shown {
  switch (pairing.state) {
    case "paired":
      return own`  paired ${pairing.pairedAt}`;
    case "waiting":
      return styled("yellow", own`  waits to be paired until ${pairing.expiresAt}`);
    case "unpaired":
      return own`  not paired`;
    case "not_needed":
      return own``;
    default:
      return pairing satisfies never;
  }
}
