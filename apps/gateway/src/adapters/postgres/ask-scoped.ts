import pg from "pg";
import type { ScopeMessage } from "./scope-message.ts";

/** What a query needs of the driver's connection, which its types leave out. */
interface Wire {
  bind(message: { readonly statement: string; readonly values: readonly unknown[] }): void;
  execute(message: object): void;
}

/** The driver's own way to send a prepared query, and to take what comes back. */
interface QueryMethods {
  prepare(connection: Wire): void;
  handleDataRow(message: object): void;
  handleCommandComplete(message: object, connection: Wire): void;
}

const driver = pg.Query.prototype as unknown as QueryMethods;

/**
 * A query that says first whose rows it means. Both go out together, and one sync ends them. So they are one round trip
 * and one transaction, and the next query on this connection sees nothing of the setting. The connection has prepared
 * `SCOPE_STATEMENTS`.
 */
class ScopedQuery extends pg.Query {
  readonly #scope: ScopeMessage;
  #isScopeSet = false;

  constructor(config: pg.QueryConfig, scope: ScopeMessage) {
    // What has no values would be sent in a way that takes one statement only.
    super({ ...config, queryMode: "extended" } as pg.QueryConfig);
    this.#scope = scope;
  }

  prepare(connection: Wire): void {
    connection.bind({ statement: this.#scope.name, values: this.#scope.values });
    connection.execute({});
    driver.prepare.call(this, connection);
  }

  handleDataRow(message: object): void {
    if (this.#isScopeSet) driver.handleDataRow.call(this, message);
  }

  handleCommandComplete(message: object, connection: Wire): void {
    if (this.#isScopeSet) driver.handleCommandComplete.call(this, message, connection);
    this.#isScopeSet = true;
  }
}

/** Asks on a connection that has prepared `SCOPE_STATEMENTS`. */
export function askScoped(client: pg.ClientBase, config: pg.QueryConfig, scope: ScopeMessage): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const query = new ScopedQuery(config, scope);
    Object.assign(query, {
      callback: (error: Error | null, result: pg.QueryResult) => {
        if (error === null) return resolve(result);
        reject(error);
      },
    });
    client.query(query);
  });
}
