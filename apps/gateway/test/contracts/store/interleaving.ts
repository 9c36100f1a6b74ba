import pg from "pg";
import { vi } from "vitest";

/**
 * Holds locks in a transaction of its own, so that the statements of a test stop where it wants them, with the
 * snapshots they took before.
 */
export interface Holder {
  /** Runs a statement in the open transaction; what it locks stays locked. */
  hold(text: string, values?: readonly unknown[]): Promise<void>;
  /** Waits until this many other connections to the database wait for a lock. */
  waiting(count: number): Promise<void>;
  /** Starts two statements, the second once the first waits, lets them go in that order, and answers what each said. */
  inOrder<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]>;
  /** Commits: whoever waits goes on, in the order of arrival. */
  release(): Promise<void>;
  /** Undoes what was done under the locks, then the same. */
  undo(): Promise<void>;
  /** Says what stands in the database now, outside of the transaction. */
  read<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export async function openHolder(url: string): Promise<Holder> {
  const holding = new pg.Client({ connectionString: url });
  const looking = new pg.Client({ connectionString: url });
  await Promise.all([holding.connect(), looking.connect()]);
  let open = false;
  const end = async (how: "commit" | "rollback") => {
    if (open) await holding.query(how);
    open = false;
  };
  const read = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const { rows } = await looking.query(text, [...values]);
    return rows as Row[];
  };
  const waiting = (count: number) =>
    vi.waitFor(
      async () => {
        const [row] = await read<{ waiting: number }>(
          "select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        if (row?.waiting !== count) throw new Error(`${row?.waiting} connections wait for a lock instead of ${count}`);
      },
      { timeout: 10_000, interval: 5 },
    );
  return {
    async hold(text, values = []) {
      if (!open) await holding.query("begin");
      open = true;
      await holding.query(text, [...values]);
    },
    waiting,
    async inOrder(first, second) {
      const one = first();
      await waiting(1);
      const two = second();
      await waiting(2);
      await end("commit");
      return Promise.all([one, two]);
    },
    release: () => end("commit"),
    undo: () => end("rollback"),
    read,
    async close() {
      await Promise.all([holding.end(), looking.end()]);
    },
  };
}
