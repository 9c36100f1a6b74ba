import { Client } from "pg";
import { expect } from "vitest";
import { openPostgresStore } from "../../src/adapters/postgres/open-postgres-store.ts";
import { openScene, start } from "../contracts/store/scene.ts";
import { AN_ACTOR } from "../support/an-actor.ts";

/** Uses the store at this address as machines and people do. */
export async function usePostgresStore(url: string): Promise<void> {
  const store = await openPostgresStore({ url });
  try {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    await store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false });
    expect(await scene.tenant.findRun({ runId })).toMatchObject({ id: runId });
    expect(
      (
        await scene.tenant.listRuns({
          limit: 5,
          cursor: undefined,
          status: undefined,
          agent: undefined,
          threadId: undefined,
          subject: undefined,
        })
      ).data,
    ).toHaveLength(1);
    await scene.tenant.enqueueInput({
      by: AN_ACTOR,
      runId,
      input: { kind: "cancel", reason: null },
      dedupe: { key: "k", bodyHash: "h" },
    });
    expect(await store.check()).toBeNull();
  } finally {
    await store.close();
  }
}

/** Returns why the store at this address refuses to open; "undefined" if it opens. */
export async function refusalOf(url: string): Promise<string> {
  return String(
    await openPostgresStore({ url }).then(
      (store) => store.close(),
      (error: unknown) => error,
    ),
  );
}

/** Returns the address with these parameters. */
export const withParameters = (url: string, parameters: string): string => `${url}?${parameters}`;

/** Asks the server as somebody who knows nothing of hsafa. */
export async function asOperator<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
