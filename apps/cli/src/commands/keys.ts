import { type ApiKey, type ApiKeyWithSecret, SCOPES, type Scope } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connectOperator } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { readScopes } from "../read-scopes.ts";
import { readSeconds } from "../read-seconds.ts";
import { reportList } from "../report-list.ts";
import { lines, own, type Shown, styled } from "../shown.ts";
import { note, report } from "../terminal.ts";

interface CreateOptions {
  readonly scopes: Scope[];
  readonly subject?: string;
  readonly expires?: number;
  readonly groups?: string[];
  readonly json?: true;
}

/** API keys: what is shown of a secret is shown once. */
export const keys = new CliCommand("keys").example("keys list", "lists the keys, newest first, revoked ones too");

keys
  .command("create")
  .description("make a key; it is printed this once")
  .argument("<name>", "what people know it by")
  .requiredOption("--scopes <scopes>", `what it may do, separated by commas: ${SCOPES.join(", ")}`, readScopes)
  .option("--subject <subject>", "the user of the tenant whose key it is; it then reaches what is this user's")
  .option("--expires <time>", "its life, such as 12h or 90d; without it, it lives until it is revoked", readSeconds)
  .option("--groups <groups>", "the groups in whose name it decides calls, separated by commas", readNames)
  .printsJson("the key with its secret, as POST /api/keys has it,")
  .example("keys create ci --scopes runs:read,runs:write --expires 90d", "prints a key for a program")
  .action(async (name: string, options: CreateOptions) => {
    const made = await connectOperator().keys.create({
      name,
      scopes: options.scopes,
      subject: options.subject,
      groups: options.groups,
      expiresInSeconds: options.expires,
    });
    showSecret(options.json, made, own`made ${made.name} (${made.id})`);
  });

keys
  .command("list")
  .description("list the keys, newest first, revoked ones too")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("keys, as GET /api/keys has them,")
  .example("keys list", "lists id, name, scopes and last use of each key")
  .action(async ({ limit, json }: { limit: number; json?: true }) => {
    const operator = connectOperator();
    await reportList({ read: (query) => operator.keys.list(query), limit, asJson: json, shownOf: lineOf });
  });

function lineOf(key: ApiKey): Shown {
  const used = key.lastUsedAt === null ? own`never used` : own`used ${key.lastUsedAt}`;
  const end = key.expiresAt === null ? own`` : own`  expires ${key.expiresAt}`;
  const groups = key.groups.length === 0 ? own`` : own`  groups ${key.groups.join(" ")}`;
  const revoked = key.revokedAt === null ? own`` : styled("red", own`  revoked ${key.revokedAt}`);
  const subject = key.subject === null ? own`` : own`  of ${key.subject}`;
  const scopes = key.scopes.join(" ");
  return own`${key.id}  ${key.name}${subject}  [${scopes}]${groups}  ${used}${end}${revoked}`;
}

keys
  .command("rotate")
  .description("give a key a new secret; it is printed this once")
  .argument("<keyId>")
  .option("--overlap <time>", "how long the former secret is taken too, such as 0s or 24h", readSeconds)
  .printsJson("the key with its secret, as POST /api/keys/:id/rotate has it,")
  .example("keys rotate 01980000-0000-7000-8000-000000000000 --overlap 24h", "prints the new secret")
  .action(async (keyId: string, { overlap, json }: { overlap?: number; json?: true }) => {
    const rotated = await connectOperator().keys.rotate(
      keyId,
      overlap === undefined ? {} : { overlapSeconds: overlap },
    );
    showSecret(
      json,
      rotated,
      own`rotated ${rotated.name}; the former secret ends ${rotated.formerSecretUntil ?? "now"}`,
    );
  });

keys
  .command("revoke")
  .description("end a key, the tokens that it made, and what they opened")
  .argument("<keyId>")
  .printsJson("keyId")
  .example("keys revoke 01980000-0000-7000-8000-000000000000", "ends this key and its tokens")
  .action(async (keyId: string, { json }: { json?: true }) => {
    await connectOperator().keys.revoke(keyId);
    report(json, { keyId }, own`revoked ${keyId}`);
  });

/** The secret alone is the result, so that it can be piped to where it belongs. */
function showSecret(asJson: true | undefined, made: ApiKeyWithSecret, what: Shown): void {
  note(lines([what, own`Keep the key now: it is not shown again.`]));
  report(asJson, made, own`${made.key}`);
}

function readNames(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}
