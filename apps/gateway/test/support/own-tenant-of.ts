import type { Tenant } from "@hsafa/protocol";
import { asTenantId, type TenantId } from "../../src/core/tenant-id.ts";
import type { TestGateway } from "./test-gateway.ts";

/** The tenant of a test gateway's own key. */
export async function ownTenantOf(gateway: TestGateway): Promise<TenantId> {
  const { body } = await gateway.call<Tenant>("GET", "/api/tenants/default");
  return asTenantId(body.id);
}
