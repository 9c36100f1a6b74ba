import { firstId } from "./first-id.ts";

/** SQL: the id of the thread that is named. One with this id goes before one with this key among the subject's. */
export function namedThread(named: { readonly id: string; readonly key: string; readonly subject: string }): string {
  const { id, key, subject } = named;
  return firstId("threads", [
    `id = ${id} and deleted_at is null`,
    `key = ${key} and subject is not distinct from ${subject} and deleted_at is null`,
  ]);
}
