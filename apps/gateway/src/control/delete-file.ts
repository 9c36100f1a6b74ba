import { isId } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import { hasFile } from "../access/reached-files.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";

/** Deletes a file of the principal's. Runs that use it go on without it. */
export async function deleteFile(
  { store }: { readonly store: Store },
  principal: Principal,
  fileId: string,
): Promise<{ readonly kind: "deleted" } | Refusal> {
  const tenant = store.forTenant(principal.tenantId);
  const [file] = isId(fileId) ? await tenant.findFiles({ fileIds: [fileId] }) : [];
  if (file === undefined || !hasFile(principal, file)) return notFound("file");
  return (await tenant.deleteFile({ fileId, by: actorOf(principal) })) ? { kind: "deleted" } : notFound("file");
}
