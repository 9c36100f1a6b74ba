import type { SqlDriverAdapterFactory } from "@prisma/client/runtime/client";
import type { PrismaClient } from "./generated/client.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { inScope } from "./present-scope.ts";
import { readAgain } from "./read-again.ts";
import { errorCode } from "./sql.ts";
import { asStoreError } from "./store-error.ts";
import type { TenantId } from "../../core/tenant-id.ts";

export type { PrismaClient } from "./generated/client.ts";

/** Prisma's client over the connections of this store, for queries whose rows people read rather than machines. */
export interface Prisma {
  /**
   * Runs a query that sees the rows of this tenant alone. The client is loaded at the first query, so a gateway that
   * only runs agents never pays for it.
   */
  read<T>(tenantId: TenantId, query: (client: PrismaClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Prisma's codes for a database that cannot be reached, has timed out, or has no connection to spare. */
const UNAVAILABLE = /^(P1001|P1002|P1008|P1017|P2024|P2034|P2037)$/;

/**
 * What the database or its driver said. Prisma has no code of its own for most of it, and shows it as an error that
 * nobody could foresee.
 */
function saidByDatabase(error: unknown): unknown {
  if (!(error instanceof Error) || !("meta" in error)) return error;
  const { driverAdapterError } = error.meta as { readonly driverAdapterError?: { readonly cause?: DriverCause } };
  const { originalCode, originalMessage } = driverAdapterError?.cause ?? {};
  if (originalCode === undefined) return error;
  return Object.assign(new Error(originalMessage ?? error.message, { cause: error }), { code: originalCode });
}

async function told<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw saidByDatabase(error);
  }
}

interface DriverCause {
  readonly originalCode?: string;
  readonly originalMessage?: string;
}

export function openPrisma(adapter: () => Promise<SqlDriverAdapterFactory>): Prisma {
  let loading: Promise<PrismaClient> | undefined;

  async function load(): Promise<PrismaClient> {
    const [{ PrismaClient }, factory] = await Promise.all([import("./generated/client.ts"), adapter()]);
    return new PrismaClient({ adapter: factory });
  }

  return {
    async read(tenantId, query) {
      loading ??= load();
      try {
        const client = await loading;
        return await readAgain(() => inScope({ kind: "tenant", tenantId }, async () => told(query(client))));
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
