import { type QuotaName, QUOTA_NAMES } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { connectOperator } from "../connect.ts";
import { own } from "../shown.ts";
import { tell, tellJson } from "../terminal.ts";

export const quotas = new CliCommand("quotas")
  .argument("[name=limit...]", `limits to set: a number, or 'default'; of ${QUOTA_NAMES.join(", ")}`)
  .option("--tenant <name>", "another tenant than that of the key")
  .printsJson("quotas and tokensResetAt, as GET /api/quotas has them,")
  .example("quotas", "shows what your tenant has and may have")
  .example("quotas devices=500 --tenant acme", "sets the limit of a tenant")
  .action(async (settings: string[], { tenant, json }: { tenant?: string; json?: true }) => {
    const operator = connectOperator();
    const limits = Object.fromEntries(settings.map(limitOf));
    const found =
      settings.length === 0
        ? await operator.quotas.get({ tenant })
        : await operator.quotas.set({ tenant, quotas: limits });
    if (json === true) {
      tellJson(found);
      return;
    }
    const width = Math.max(...QUOTA_NAMES.map((name) => name.length));
    for (const name of QUOTA_NAMES) {
      const { used, limit } = found.quotas[name];
      tell(own`${name.padEnd(width)}  ${used} of ${limit}`);
    }
    tell(own`tokens are counted from 0 again at ${found.tokensResetAt}`);
  });

function limitOf(setting: string): [QuotaName, number | null] {
  const [name = "", value = ""] = setting.split("=", 2);
  const known = QUOTA_NAMES.find((one) => one === name);
  if (known === undefined) throw new CliError(own`There is no quota '${name}'; there are ${QUOTA_NAMES.join(", ")}.`);
  if (value === "default") return [known, null];
  if (/^\d{1,16}$/.test(value)) return [known, Number(value)];
  throw new CliError(own`'${setting}' sets no limit; write ${known}=1000, or ${known}=default.`);
}
