import { isId, type Page, type Run, type RunStatus } from "@hsafa/protocol";
import { isBound } from "../access/bounds.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { listedSubject } from "../access/listed-subject.ts";
import { mayAccessRun, maySeeRun } from "../access/run-visibility.ts";
import type { PageParams } from "../ports/tenant-store.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

type Deps = Pick<UseCaseDeps, "store" | "generation">;

/** Finds one run. */
export async function findRun(
  { store, generation }: Deps,
  principal: Principal,
  runId: string,
): Promise<{ readonly kind: "found"; readonly run: Run } | Refusal> {
  const own = store.forTenant(principal.tenantId);
  const run = isId(runId) ? await own.findRun({ runId }) : null;
  if (run === null) return notFound("run");
  const bounds = run.rootRunId === null ? { ...run, rootThreadId: null } : await own.findRunBounds({ runId });
  return bounds !== null && mayAccessRun(principal, bounds)
    ? { kind: "found", run: inGeneration(run, generation) }
    : notFound("run");
}

/**
 * Lists runs, newest first: those that the principal reaches, and of these a subject's if one is asked for. A token for
 * a thread lists the runs of that thread. A token for one run or for a device has no list. Who sees a run lists its
 * children.
 */
export async function listRuns(
  { store, generation }: Deps,
  principal: Principal,
  params: PageParams & {
    readonly status: RunStatus | undefined;
    readonly agent: string | undefined;
    readonly threadId: string | undefined;
    readonly subject: string | undefined;
    /** The run whose children are listed. */
    readonly parent: string | undefined;
    readonly forkedFrom?: string | undefined;
    readonly versionId?: string | undefined;
    /** A device's id or key. */
    readonly device?: string | undefined;
    /** In ms. */
    readonly since?: number | undefined;
    readonly until?: number | undefined;
    readonly metadataText?: string | undefined;
  },
): Promise<{ readonly kind: "found"; readonly page: Page<Run> } | Refusal> {
  const { runId, threadId } = principal;
  const { parent, ...asked } = params;
  if (parent !== undefined) {
    if (!(await maySeeRun({ store }, principal, parent))) return notFound("run");
    return found(await store.forTenant(principal.tenantId).listRuns({ ...asked, parentRunId: parent }), generation);
  }
  if (runId !== undefined || (threadId === undefined && isBound(principal))) {
    return refuse("forbidden", "The token is bound to less than a list; read its run by id.");
  }
  if (threadId !== undefined && params.threadId !== undefined && params.threadId !== threadId)
    return notFound("thread");
  const listed = threadId === undefined ? listedSubject(principal, params.subject) : { subject: params.subject };
  if (listed === null) return { kind: "found", page: { data: [], nextCursor: null } };
  const narrowed = { ...asked, ...listed, threadId: params.threadId ?? threadId };
  return found(await store.forTenant(principal.tenantId).listRuns(narrowed), generation);
}

function found(page: Page<Run>, generation: Deps["generation"]): { readonly kind: "found"; readonly page: Page<Run> } {
  return { kind: "found", page: { ...page, data: page.data.map((run) => inGeneration(run, generation)) } };
}

/** The run with its position as it travels in this generation. */
function inGeneration(run: Run, { present: { tag } }: Deps["generation"]): Run {
  return tag === "" ? run : { ...run, position: `${run.position}.${tag}` };
}
