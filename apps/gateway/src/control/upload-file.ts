import { FILE_BYTES_MAX, type StoredFile, type UploadFileQuery } from "@hsafa/protocol";
import { idempotencyOwner } from "../access/idempotency-owner.ts";
import { ownedBy } from "../access/owned-by.ts";
import type { Principal } from "../access/principal.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import type { Refusal } from "../access/refusal.ts";
import { shownFile } from "./shown-file.ts";
import { EMPTY, type FileDeps, storeFile, TOO_LARGE } from "./store-file.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/**
 * Stores a file that a client sends. Whatever can be refused without its bytes is refused before they are read. `size`:
 * as the client says; null: it says nothing.
 */
export async function uploadFile(
  deps: FileDeps & Pick<UseCaseDeps, "quotas" | "filePlaces">,
  principal: Principal,
  params: UploadFileQuery & {
    readonly declared: string | null;
    readonly size: number | null;
    readonly idempotencyKey: string | undefined;
    readonly content: AsyncIterable<Uint8Array>;
  },
): Promise<{ readonly kind: "stored"; readonly file: StoredFile; readonly created: boolean } | Refusal> {
  const { size, idempotencyKey = null, filename = null, declared, content } = params;
  const { tenantId } = principal;
  const owned = ownedBy(principal, params.subject);
  if (owned.kind === "refused") return owned;
  if (size !== null && size > FILE_BYTES_MAX) return TOO_LARGE;
  if (size === 0) return EMPTY;
  const place = deps.filePlaces.take(principal);
  if (place.kind === "refused") return place;
  try {
    const { subject } = owned;
    const incoming = { owner: idempotencyOwner(principal), subject, idempotencyKey, filename, declared, content };
    const within = await deps.quotas.within(tenantId, {
      needs: ["storedBytes"],
      bytes: size ?? FILE_BYTES_MAX,
      make: () => storeFile(deps, tenantId, incoming),
    });
    if (within.kind === "no_room") return quotaExceeded(within.lack, deps.clock.now());
    const stored = within.made;
    return stored.kind === "refused" ? stored : { ...stored, file: shownFile(stored.file) };
  } finally {
    place.leave();
  }
}
