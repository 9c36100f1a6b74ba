import type { Scope, Tenant } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connectOperator } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { readScopes } from "../read-scopes.ts";
import { reportList } from "../report-list.ts";
import { lines, own, type Shown, styled } from "../shown.ts";
import { note, report } from "../terminal.ts";

interface Options {
  readonly json?: true;
}

/** Tenants, for the operator's key alone. */
export const tenants = new CliCommand("tenants").example("tenants list", "lists the tenants, newest first");

tenants
  .command("create")
  .description("make a tenant; its first key, with every scope, is printed this once")
  .argument("<name>", "what people know it by")
  .printsJson("the tenant with its first key, as POST /api/tenants has it,")
  .example("tenants create acme", "prints the first key of a new tenant")
  .action(async (name: string, { json }: Options) => {
    const made = await connectOperator().tenants.create({ name });
    note(lines([own`made ${made.name} (${made.id})`, own`Keep its key now: it is not shown again.`]));
    report(json, made, own`${made.key.key}`);
  });

tenants
  .command("list")
  .description("list the tenants, newest first")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("tenants, as GET /api/tenants has them,")
  .example("tenants list", "lists the tenants, newest first")
  .action(async ({ limit, json }: Options & { limit: number }) => {
    const operator = connectOperator();
    await reportList({ read: (query) => operator.tenants.list(query), limit, asJson: json, shownOf: lineOf });
  });

tenants
  .command("show")
  .description("show a tenant")
  .argument("<idOrName>")
  .printsJson("the tenant, as GET /api/tenants/:idOrName has it,")
  .example("tenants show acme", "shows when it was made, and whether it is disabled")
  .action(async (idOrName: string, { json }: Options) => {
    const tenant = await connectOperator().tenants.get(idOrName);
    report(json, tenant, lineOf(tenant));
  });

tenants
  .command("key")
  .description("make a key in a tenant that lost its own; it is printed this once")
  .argument("<idOrName>")
  .argument("<keyName>", "what people know it by")
  .option("--scopes <scopes>", "what it may do, separated by commas; without it, everything", readScopes, ["admin"])
  .printsJson("the key with its secret, as POST /api/keys has it,")
  .example("tenants key acme recovery", "prints a new key with every scope")
  .action(async (idOrName: string, name: string, { scopes, json }: Options & { scopes: Scope[] }) => {
    const made = await connectOperator().tenants.createKey(idOrName, { name, scopes });
    note(lines([own`made ${made.name} (${made.id})`, own`Keep the key now: it is not shown again.`]));
    report(json, made, own`${made.key}`);
  });

tenants
  .command("disable")
  .description("end a tenant's credentials, sockets, streams and runs")
  .argument("<idOrName>")
  .printsJson("the tenant, as GET /api/tenants/:idOrName has it,")
  .example("tenants disable acme", "ends what this tenant has open")
  .action(async (idOrName: string, { json }: Options) => {
    const tenant = await connectOperator().tenants.disable(idOrName);
    report(json, tenant, lineOf(tenant));
  });

tenants
  .command("enable")
  .description("let a tenant's keys in again")
  .argument("<idOrName>")
  .printsJson("the tenant, as GET /api/tenants/:idOrName has it,")
  .example("tenants enable acme", "lets it in again")
  .action(async (idOrName: string, { json }: Options) => {
    const tenant = await connectOperator().tenants.enable(idOrName);
    report(json, tenant, lineOf(tenant));
  });

function lineOf({ id, name, createdAt, disabledAt }: Tenant): Shown {
  const state = disabledAt === null ? own`` : styled("red", own`  disabled ${disabledAt}`);
  return own`${id}  ${name}  made ${createdAt}${state}`;
}
