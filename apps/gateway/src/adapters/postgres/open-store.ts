import { StoreUnavailable, type Store } from "../../ports/store.ts";
import { createFleetStore } from "./fleet-store.ts";
import { checkMigrations, migrate, readMigrations } from "./migrate.ts";
import { createPostgresFileStore } from "./postgres-file-store.ts";
import { RememberedAgents } from "./remembered-agents.ts";
import { readSchema } from "./read-schema.ts";
import type { Sql } from "./sql.ts";
import { meetServer } from "./statements/fleet/judge-server.ts";
import { workAsApp } from "./work-as-app.ts";
import { createTenantStore } from "./tenant-store.ts";

/**
 * Applies the migrations, judges the server, and returns the store over an open database. If they cannot be applied, it
 * closes the database. `pulse`: see `createFleetStore`.
 */
export async function openStore(sql: Sql, pulse: Sql | null = null): Promise<Store> {
  const closeAll = async (): Promise<void> => {
    await sql.close();
    await pulse?.close();
  };
  try {
    const migrations = await readMigrations();
    await readSchema(sql);
    await migrate(sql, migrations);
    await workAsApp(sql, pulse);
    await meetServer(sql);
    const agents = new RememberedAgents();
    return {
      forTenant: (tenantId) => createTenantStore(sql, tenantId, agents),
      fleet: createFleetStore(sql, pulse),
      files: createPostgresFileStore(sql),
      async check() {
        try {
          return await checkMigrations(sql, migrations);
        } catch (error) {
          if (error instanceof StoreUnavailable) return error.message;
          throw error;
        }
      },
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
