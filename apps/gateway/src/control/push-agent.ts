import { type JsonObject, type PushedAgent } from "@hsafa/protocol";
import { agentConfigSchema } from "@hsafa/protocol/schema";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { Store } from "../ports/store.ts";
import { canonicalHash } from "./canonical-json.ts";
import { type ValidationFault, schemaFaults } from "../access/schema-faults.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";

export type PushOutcome = { readonly kind: "pushed"; readonly agent: PushedAgent } | Refusal;

/** Makes a config a version of its agent, or finds the version that it is already. A refusal lists every fault. */
export async function pushAgent(
  deps: { readonly store: Store; readonly schemas: JsonSchemas },
  principal: Principal,
  params: {
    readonly name: string;
    readonly config: JsonObject;
    readonly version?: string | undefined;
    readonly description?: string | undefined;
    readonly promote: boolean;
  },
): Promise<PushOutcome> {
  const { name, config, version, promote } = params;
  const faults = await configFaults({ schemas: deps.schemas, tenantId: principal.tenantId, name, config });
  if (faults === "busy") {
    return refuse("too_many_requests", "Too many schemas of this tenant are being checked; push again in a moment.");
  }
  if (faults.length > 0) {
    return refuse("invalid_agent_config", "The config cannot be run; mend what 'errors' lists and push again.", faults);
  }
  const description = params.description ?? (typeof config.description === "string" ? config.description : null);
  const agent = await deps.store.forTenant(principal.tenantId).pushAgent({
    name,
    description,
    version: version ?? null,
    config,
    // The hash of the config as pushed, without defaults: a default that changes later makes no new version.
    configHash: canonicalHash(config),
    promote,
  });
  return { kind: "pushed", agent };
}

async function configFaults(params: {
  readonly schemas: JsonSchemas;
  readonly tenantId: string;
  readonly name: string;
  readonly config: JsonObject;
}): Promise<readonly ValidationFault[] | "busy"> {
  const { schemas, tenantId, name, config } = params;
  const parsed = agentConfigSchema.safeParse(config);
  if (!parsed.success) return schemaFaults(parsed.error, ["config"]);
  const faults: ValidationFault[] = [];
  if (parsed.data.name !== name) {
    faults.push({ path: "config.name", message: `is '${parsed.data.name}', but the agent is pushed as '${name}'` });
  }
  const checked = await schemas.check({ tenantId, schemas: parsed.data.tools.map(({ inputSchema }) => inputSchema) });
  if (checked.kind === "busy") return "busy";
  checked.faults.forEach((message, index) => {
    if (message !== null) faults.push({ path: `config.tools.${index}.inputSchema`, message });
  });
  return faults;
}
