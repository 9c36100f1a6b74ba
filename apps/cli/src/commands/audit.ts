import { AUDIT_ACTIONS, type AuditAction, type AuditEntry, type PageQuery } from "@hsafa/protocol";
import { InvalidArgumentError, Option } from "commander";
import { CliCommand } from "../cli-command.ts";
import { connectOperator } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { brief, own, type Shown } from "../shown.ts";

interface Options {
  readonly tenant?: string;
  readonly action?: AuditAction;
  readonly subject?: string;
  readonly key?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
  readonly json?: true;
}

export const audit = new CliCommand("audit")
  .option("--tenant <name>", "another tenant than that of the key")
  .addOption(new Option("--action <action>", "only this").choices(AUDIT_ACTIONS))
  .option("--subject <subject>", "only by credentials made for this subject")
  .option("--key <keyId>", "only by this key, and by tokens that it made")
  .option("--since <time>", "at this time or later, such as 2026-11-29 or 2026-11-29T08:00:00Z", readTime)
  .option("--until <time>", "before this time", readTime)
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("entries, as GET /api/audit has them,")
  .example("audit --action secret.put --since 2026-11-29", "lists who set secrets since that day")
  .action(async ({ key, limit, json, ...filters }: Options) => {
    const operator = connectOperator();
    const read = (query: PageQuery) => operator.audit.list({ ...filters, keyId: key, ...query });
    await reportList({ read, limit, asJson: json, shownOf: lineOf });
  });

function lineOf({ at, action, outcome, by, targets, details }: AuditEntry): Shown {
  const who = by.subject === null ? own`${by.kind} ${by.name}` : own`${by.kind} ${by.name} for ${by.subject}`;
  const from = by.address === null ? own`` : own` from ${by.address}`;
  const more = Object.keys(details).length === 0 ? own`` : own`  ${brief(details)}`;
  return own`${at}  ${action} ${outcome}  by ${who}${from}  ${brief(targets)}${more}`;
}

function readTime(text: string): string {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new InvalidArgumentError("A time is written like 2026-11-29 or 2026-11-29T08:00:00Z.");
  return new Date(ms).toISOString();
}
