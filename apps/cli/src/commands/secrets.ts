import { CliCommand } from "../cli-command.ts";
import { connectOperator } from "../connect.ts";
import { readSecret } from "../read-secret.ts";
import { reportList } from "../report-list.ts";
import { own } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly json?: true;
}

const set = new CliCommand("set")
  .description("set a secret; its value is read from standard input")
  .argument("<name>")
  .printsJson("the secret without its value, as PUT /api/secrets/:name has it,")
  .example("secrets set crm < crm.key", "sets the secret 'crm' from a file")
  .action(async (name: string, { json }: Options) => {
    const secret = await connectOperator().secrets.set(name, await readSecret(name));
    report(json, secret, own`set: ${secret.name}`);
  });

const list = new CliCommand("list")
  .description("list the secrets, without their values")
  .printsJson("secrets, as GET /api/secrets has them,")
  .example("secrets list", "lists name, time and setter of each secret")
  .action(async ({ json }: Options) => {
    const operator = connectOperator();
    await reportList({
      read: (query) => operator.secrets.list(query),
      limit: Infinity,
      asJson: json,
      shownOf: ({ name, updatedAt, setBy }) => own`${name}  set ${updatedAt} by ${setBy}`,
    });
  });

const rm = new CliCommand("rm")
  .description("forget a secret")
  .argument("<name>")
  .printsJson("name")
  .example("secrets rm crm", "tools that name it fail from now on")
  .action(async (name: string, { json }: Options) => {
    await connectOperator().secrets.delete(name);
    report(json, { name }, own`forgotten: ${name}`);
  });

export const secrets = new CliCommand("secrets")
  .example("secrets list", "lists the secrets, without their values")
  .addCommand(set)
  .addCommand(list)
  .addCommand(rm);
