import pg from "pg";
import { vi } from "vitest";

/**
 * Locks rows in a transaction of its own. So the statements of a test stop where the test wants them, with the
 * snapshots that they took before.
 */
export interface LockHolder {
  /** Runs a statement in the open transaction. The rows that it locks stay locked. */
  hold(text: string, values?: readonly unknown[]): Promise<void>;
  /** Resolves once this many other connections to the database wait for a lock. */
  waiting(count: number): Promise<void>;
  /**
   * Starts two statements, the second once the first waits. Lets them go in that order, and returns what they return.
   */
  inOrder<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]>;
  /** Commits the transaction. Waiting statements go on in the order of their arrival. */
  release(): Promise<void>;
  /** Rolls the transaction back, if one is open. Waiting statements go on in the order of their arrival. */
  undo(): Promise<void>;
  /** Runs a statement outside of the transaction, and returns its rows. */
  read<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export async function openLockHolder(url: string): Promise<LockHolder> {
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
