import { type PGlite, protocol } from "@electric-sql/pglite";
import pg from "pg";
import { storableText } from "../../ports/storable-text.ts";
import { SCOPE_STATEMENTS, type ScopeMessage, scopeMessage } from "./scope-message.ts";
import type { Query, SqlValue } from "./statement.ts";
import type { Sql } from "./sql.ts";
import { asStoreError } from "./store-error.ts";

const { serialize, messages } = protocol;

/** The messages that follow a bind. The sync ends the transaction, and lets the database go on after an error. */
const RUN_BOUND = Buffer.concat([serialize.describe({ type: "P" }), serialize.execute({}), serialize.sync()]);

/** The scope goes first, in the same transaction. What it returns is passed over. */
function scoped({ name, values }: ScopeMessage): Uint8Array {
  return Buffer.concat([serialize.bind({ statement: name, values: values.map(wireText) }), serialize.execute({})]);
}

/**
 * Statements over a Postgres in this process, which runs them one after the other. They are prepared, as on a server.
 * PGlite's own `query` parses and plans each anew, which takes several times longer than to run it. Rows are read by
 * pg's own parsers, so that both databases return the same values.
 */
export function pgliteSql(pglite: PGlite): Sql {
  const prepared = new Set<string>();

  /** Sends a query after its scope, and returns what came back for it. Throws the refusal of the database. */
  const exchange = (query: Query, onSent?: () => void): Promise<readonly Answer[]> =>
    // One exchange at a time. None is inside of another's transaction, because no transaction is ever opened.
    pglite.runExclusive(async () => {
      await prepareScope();
      onSent?.();
      const { name, text, scope } = query;
      const parse = prepared.has(name) ? [] : [serialize.parse({ name, text })];
      const bind = serialize.bind({ statement: name, values: query.values.map(wireText) });
      const sent = Buffer.concat([scoped(scopeMessage(scope)), ...parse, bind, RUN_BOUND]);
      const { messages: answered } = await pglite.execProtocol(sent, { throwOnError: false });
      // One without a name is parsed each time.
      if (name !== "" && answered.some((message) => message.name === "parseComplete")) prepared.add(name);
      const refusal = answered.find((message) => message instanceof messages.DatabaseError);
      if (refusal !== undefined) throw refusal;
      return answered.slice(answered.findIndex((message) => message.name === "commandComplete") + 1);
    });

  async function prepareScope(): Promise<void> {
    for (const { name, text } of SCOPE_STATEMENTS) {
      if (prepared.has(name)) continue;
      await pglite.execProtocol(Buffer.concat([serialize.parse({ name, text }), serialize.sync()]));
      prepared.add(name);
    }
  }

  async function run<Row>(query: Query, onSent?: () => void): Promise<Row[]> {
    let columns: readonly Column[] = [];
    const rows: Row[] = [];
    for (const message of await exchange(query, onSent)) {
      if (message instanceof messages.RowDescriptionMessage) columns = message.fields.map(column);
      if (message instanceof messages.DataRowMessage) rows.push(rowOf(columns, message.fields) as Row);
    }
    return rows;
  }

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      if (pglite.closed) throw new Error("PGlite is closed");
      return await work();
    } catch (error) {
      throw asStoreError(error);
    }
  }

  return {
    query: <Row>(query: Query, onSent?: () => void) => guard(() => run<Row>(query, onSent)),
    script: (text) =>
      guard(async () => {
        await pglite.exec(text);
      }),
    workAs: (role) =>
      guard(async () => {
        await pglite.exec(`set role ${pg.escapeIdentifier(role)}`);
      }),
    forgetPlans: () =>
      guard(async () => {
        await pglite.exec("discard plans");
      }),
    close: () => pglite.close(),
  };
}

type Answer = Awaited<ReturnType<PGlite["execProtocol"]>>["messages"][number];

interface Column {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

function column(field: { readonly name: string; readonly dataTypeID: number }): Column {
  const parserOf = pg.types.getTypeParser as (oid: number, format: "text") => (text: string) => unknown;
  return { name: field.name, parse: parserOf(field.dataTypeID, "text") };
}

function rowOf(columns: readonly Column[], cells: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  columns.forEach(({ name, parse }, index) => {
    const cell = cells[index];
    row[name] = cell === null || cell === undefined ? null : parse(cell);
  });
  return row;
}

/** A parameter as Postgres reads it in text. */
function wireText(value: SqlValue): string | null {
  if (value === null) return null;
  if (typeof value === "string") return storableText(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex")}`;
  return `{${value.map(elementText).join(",")}}`;
}

function elementText(element: string | number | boolean | null): string {
  if (element === null) return "NULL";
  return typeof element === "string" ? `"${storableText(element).replaceAll(/["\\]/g, "\\$&")}"` : String(element);
}
