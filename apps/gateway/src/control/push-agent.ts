import { type JsonObject, type PushedAgent } from "@hsafa/protocol";
import { agentConfigSchema } from "@hsafa/protocol/schema";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { canonicalHash } from "../core/canonical-json.ts";
import type { ModelPrices } from "../core/priced-usage.ts";
import { childAgentFaults } from "./child-agent-faults.ts";
import { costFaults } from "./start-faults.ts";
import { credentialsIn, type Found, masksAmong, plainCredentials } from "./plain-credentials.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";
import { type ValidationFault, schemaFaults } from "../access/schema-faults.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { TenantId } from "../core/tenant-id.ts";

export type PushOutcome = { readonly kind: "pushed"; readonly agent: PushedAgent } | Refusal;

/**
 * Makes a config a version of its agent, or finds the version that it is already. A refusal lists every fault.
 *
 * `$schema` is for the editor of the person who writes the config. It is no part of it.
 */
export async function pushAgent(
  deps: Pick<UseCaseDeps, "store" | "schemas" | "clock" | "quotas" | "prices">,
  principal: Principal,
  params: {
    readonly name: string;
    readonly config: JsonObject;
    readonly version?: string | undefined;
    readonly description?: string | undefined;
    readonly promote: boolean;
  },
): Promise<PushOutcome> {
  const { name, version, promote } = params;
  const { $schema: _forEditors, ...config } = params.config;
  const store = deps.store.forTenant(principal.tenantId);
  const credentials = credentialsIn(config);
  const faults = await configFaults({ ...deps, tenantId: principal.tenantId, name, config, credentials, store });
  if (faults === "busy") {
    return refuse("too_many_requests", "Too many schemas of this tenant are being checked; push again in a moment.");
  }
  if (faults.length > 0) {
    return refuse("invalid_agent_config", "The config cannot be run; mend what 'errors' lists and push again.", faults);
  }
  const description = params.description ?? (typeof config.description === "string" ? config.description : null);
  // The hash of the config as pushed, without defaults: a default that changes later makes no new version.
  const configHash = canonicalHash(config);
  const by = actorOf(principal);
  const within = await deps.quotas.within(principal.tenantId, {
    needs: ["agentVersions", "storedBytes"],
    isKnown: () => store.knows({ kind: "version", agent: name, configHash }),
    make: () => store.pushAgent({ name, description, version: version ?? null, config, configHash, promote, by }),
  });
  if (within.kind === "no_room") return quotaExceeded(within.lack, deps.clock.now());
  const warnings = plainCredentials(credentials);
  return { kind: "pushed", agent: warnings.length === 0 ? within.made : { ...within.made, warnings } };
}

async function configFaults(params: {
  readonly schemas: JsonSchemas;
  readonly prices: ModelPrices;
  readonly tenantId: TenantId;
  readonly name: string;
  readonly config: JsonObject;
  readonly credentials: readonly Found[];
  readonly store: TenantStore;
}): Promise<readonly ValidationFault[] | "busy"> {
  const { schemas, prices, tenantId, name, config, credentials, store } = params;
  const parsed = agentConfigSchema.safeParse(config);
  if (!parsed.success) return schemaFaults(parsed.error, ["config"]);
  const faults: ValidationFault[] = [...masksAmong(credentials)];
  if (parsed.data.name !== name) {
    faults.push({ path: "config.name", message: `is '${parsed.data.name}', but the agent is pushed as '${name}'` });
  }
  const { model, limits } = parsed.data;
  if (limits?.costUsd !== undefined) faults.push(...costFaults({ model, path: "config.limits.costUsd", prices }));
  const checked = await schemas.check({ tenantId, schemas: parsed.data.tools.map(({ inputSchema }) => inputSchema) });
  if (checked.kind === "busy") return "busy";
  const { outputSchema } = parsed.data;
  if (outputSchema !== undefined) {
    const output = await schemas.checkOutput({ tenantId, schema: outputSchema });
    if (output.kind === "busy") return "busy";
    if (output.fault !== null) faults.push({ path: "config.outputSchema", message: output.fault });
  }
  checked.faults.forEach((message, index) => {
    if (message !== null) faults.push({ path: `config.tools.${index}.inputSchema`, message });
  });
  return [...faults, ...(await childAgentFaults(store, { name, config }))];
}
