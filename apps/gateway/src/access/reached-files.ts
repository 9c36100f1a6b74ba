import { isId } from "@hsafa/protocol";
import type { Store } from "../ports/store.ts";
import type { FileRow } from "../ports/tenant-files.ts";
import { isBound } from "./bounds.ts";
import { idempotencyOwner } from "./idempotency-owner.ts";
import type { Principal } from "./principal.ts";
import { reaches } from "./reached-subject.ts";
import { mayAccessRun } from "./run-visibility.ts";
import { mayAccessThread } from "./thread-visibility.ts";

/** Whether the principal has uploaded the file, or it is its subject's. A bound token has what it uploaded alone. */
export function hasFile(principal: Principal, { owner, subject }: Pick<FileRow, "owner" | "subject">): boolean {
  return owner === idempotencyOwner(principal) || (!isBound(principal) && reaches(principal, subject));
}

/**
 * Returns those of these files that the principal has, or that a run uses which it sees. A thread of its own shows runs
 * of others too, if it is a branch that goes on from them.
 */
export async function reachedFiles(
  { store }: { readonly store: Store },
  principal: Principal,
  fileIds: readonly string[],
): Promise<readonly FileRow[]> {
  const tenant = store.forTenant(principal.tenantId);
  const files = await tenant.findFiles({ fileIds: fileIds.filter(isId) });
  const reached = await Promise.all(
    files.map(async (file) => {
      if (hasFile(principal, file)) return true;
      const runs = await tenant.listRunsOfFile({ fileId: file.id });
      if (runs.some((run) => mayAccessRun(principal, run))) return true;
      const branches = await tenant.listBranchesOfFile({ fileId: file.id });
      return branches.some((branch) => mayAccessThread(principal, branch));
    }),
  );
  return files.filter((_, index) => reached[index]);
}
