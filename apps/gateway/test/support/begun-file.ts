import { v7 } from "uuid";
import type { FileRef } from "../../src/ports/file-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { A_FILE } from "./a-file.ts";

/** Begins an upload for a tenant of its own. */
export async function begunFile(store: Store): Promise<FileRef> {
  const tenantName = `tenant ${v7()}`;
  const { tenantId } = await store.fleet.ensureApiKey({ tenantName, name: "k", keyHash: v7(), scopes: ["admin"] });
  const fileId = v7();
  await store.forTenant(tenantId).beginFile({ ...A_FILE, fileId });
  return { tenantId, fileId };
}
