import { type CreateTokenBody, SCOPES, type Scope } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect, connectOperator } from "../connect.ts";
import { readNames } from "../read-names.ts";
import { readScopes } from "../read-scopes.ts";
import { readSeconds } from "../read-seconds.ts";
import { own } from "../shown.ts";
import { note, report } from "../terminal.ts";

interface CreateOptions {
  readonly scopes: Scope[];
  readonly agents?: string[];
  readonly run?: string;
  readonly thread?: string;
  readonly deviceKey?: string;
  readonly subject?: string;
  readonly expires?: number;
  readonly json?: true;
}

export const tokens = new CliCommand("tokens").example(
  "tokens create --scopes runs:start,runs:read --agents support",
  "prints a token for a page",
);

tokens
  .command("create")
  .description("make a short-lived token for a page or a device; it is printed this once")
  .requiredOption("--scopes <scopes>", `what it may do, separated by commas: ${SCOPES.join(", ")}`, readScopes)
  .option("--agents <names>", "the agents whose runs it may start, separated by commas", readNames)
  .option("--run <runId>", "bounds it to one run")
  .option("--thread <threadId>", "bounds it to the runs of one conversation")
  .option("--device-key <key>", "bounds it to one device; a token that connects a device needs it")
  .option("--subject <subject>", "the user that it is for; it then reaches what is this user's")
  .option("--expires <time>", "its life, such as 10m or 12h; 15 minutes if left out", readSeconds)
  .printsJson("token, scopes and expiresAt")
  .example("tokens create --scopes runs:start,runs:read --agents support", "prints a token for a page")
  .action(async (options: CreateOptions) => {
    const body: CreateTokenBody = {
      scopes: options.scopes,
      agents: options.agents,
      runId: options.run,
      threadId: options.thread,
      deviceKey: options.deviceKey,
      subject: options.subject,
      expiresInSeconds: options.expires,
    };
    const made = await connect().tokens.create(body);
    if (options.json !== true) note(own`It expires at ${made.expiresAt}.`);
    report(options.json, made, own`${made.token}`);
  });

tokens
  .command("revoke")
  .description("end the tokens made so far: of a user, of a device, or of the whole tenant")
  .option("--subject <subject>", "only those of this user")
  .option("--device-key <key>", "only those of this device")
  .option("--all", "those of the whole tenant")
  .printsJson("revoked")
  .example("tokens revoke --subject ann", "ends every token of this user, and what it opened")
  .action(async (options: { subject?: string; deviceKey?: string; all?: true; json?: true }) => {
    const { subject, deviceKey, all, json } = options;
    if (subject === undefined && deviceKey === undefined && all !== true) {
      tokens.error("error: say whose tokens end: --subject, --device-key or --all", { exitCode: 2 });
    }
    await connectOperator().keys.revokeTokens({ subject, deviceKey });
    report(json, { revoked: true }, own`ended`);
  });
