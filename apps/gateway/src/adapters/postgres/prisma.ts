import type { SqlDriverAdapterFactory } from "@prisma/client/runtime/client";
import type { PrismaClient } from "./generated/client.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { errorCode } from "./sql.ts";
import { asStoreError } from "./store-error.ts";

export type { PrismaClient } from "./generated/client.ts";

/** Prisma's client over the connections of this store, for queries whose rows people read rather than machines. */
export interface Prisma {
  /**
   * Runs a query on rows of this tenant: row-level security is set here, once for all queries. The client is loaded at
   * the first query, so a gateway that only runs agents never pays for it.
   */
  read<T>(tenantId: string, query: (client: PrismaClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Prisma's codes for a database that cannot be reached, has timed out, or has no connection to spare. */
const UNAVAILABLE = /^(P1001|P1002|P1008|P1017|P2024|P2034|P2037)$/;

export function openPrisma(adapter: () => Promise<SqlDriverAdapterFactory>): Prisma {
  let loading: Promise<PrismaClient> | undefined;

  async function load(): Promise<PrismaClient> {
    const [{ PrismaClient }, factory] = await Promise.all([import("./generated/client.ts"), adapter()]);
    return new PrismaClient({ adapter: factory });
  }

  return {
    async read(_tenantId, query) {
      loading ??= load();
      try {
        return await query(await loading);
      } catch (error) {
        const code = errorCode(error);
        if (code !== undefined && UNAVAILABLE.test(code)) {
          throw new StoreUnavailable(`the store cannot be reached: ${code}`, { cause: error });
        }
        throw asStoreError(error);
      }
    },
    async close() {
      if (loading !== undefined) await (await loading).$disconnect();
    },
  };
}
