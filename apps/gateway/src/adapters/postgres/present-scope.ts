import { AsyncLocalStorage } from "node:async_hooks";
import type { QueryScope } from "./statement.ts";

const present = new AsyncLocalStorage<QueryScope>();

/** Does work whose queries Prisma writes. They know no scope, so they find it here. */
export function inScope<T>(scope: QueryScope, work: () => Promise<T>): Promise<T> {
  return present.run(scope, work);
}

/** The scope of the work that asks. Throws where there is none: such a query would see no rows. */
export function presentScope(): QueryScope {
  const scope = present.getStore();
  if (scope === undefined) throw new Error("a query through Prisma is made within prisma.read, which says whose rows");
  return scope;
}
