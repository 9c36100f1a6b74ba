import { join } from "node:path";
import { UNWANTED_PLANS } from "./unwanted-plans.ts";
import type { Store } from "../../ports/store.ts";
import { lockDataFolder } from "./data-folder-lock.ts";
import { openStore } from "./open-store.ts";
import { openPglite } from "./open-pglite.ts";
import { pgliteSql } from "./pglite-sql.ts";
import { endFormerProcess } from "./statements/fleet/end-former-process.ts";

export interface PgliteSettings {
  /** The folder of the data, made if it is not there. Undefined: the data is in memory, and gone at the end. */
  readonly dataDir: string | undefined;
  /**
   * Called when the folder has come to another process. This process must end then, before it writes anything more. By
   * default an error is thrown that nobody catches.
   */
  readonly onLost?: (why: string) => void;
}

/** Opens the store in this process. Throws `DataFolderInUse` while another process has the folder. */
export async function openPgliteStore({ dataDir, onLost }: PgliteSettings): Promise<Store> {
  const lock = dataDir === undefined ? undefined : await lockDataFolder(dataDir, onLost);
  try {
    const pglite = await openPglite(dataDir === undefined ? undefined : join(dataDir, "postgres"));
    const sql = pgliteSql(pglite);
    await sql.script(UNWANTED_PLANS.map((name) => `set ${name} = off;`).join(" "));
    const store = await openStore(sql);
    // The lock tells that no other process is there, so every holder of a lease here is gone for good.
    if (dataDir !== undefined) await endFormerProcess(sql);
    return {
      ...store,
      async close() {
        await store.close();
        await lock?.release();
      },
    };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}
