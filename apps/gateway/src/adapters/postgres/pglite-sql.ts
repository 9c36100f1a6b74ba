import { type PGlite, protocol } from "@electric-sql/pglite";
import pg from "pg";
import { storableText } from "../../ports/storable-text.ts";
import type { Query, SqlValue } from "./statement.ts";
import type { Sql } from "./sql.ts";
import { asStoreError } from "./store-error.ts";

const { serialize, messages } = protocol;

/** The messages that follow a bind. The sync ends the transaction, and lets the database go on after an error. */
const RUN_BOUND = Buffer.concat([serialize.describe({ type: "P" }), serialize.execute({}), serialize.sync()]);

/**
 * Statements over a Postgres in this process, which runs them one after the other. They are prepared, as on a server.
 * PGlite's own `query` parses and plans each anew, which takes several times longer than to run it. Rows are read by
 * pg's own parsers, so that both databases return the same values.
 */
export function pgliteSql(pglite: PGlite): Sql {
  const prepared = new Set<string>();

  async function run<Row>({ name, text, values }: Query): Promise<Row[]> {
    const bind = serialize.bind({ statement: name, values: values.map(wireText) });
    // One exchange at a time. None is inside of another's transaction, because no transaction is ever opened.
    const answer = await pglite.runExclusive(async () => {
      const parse = prepared.has(name) ? [] : [serialize.parse({ name, text })];
      const answered = await pglite.execProtocol(Buffer.concat([...parse, bind, RUN_BOUND]), { throwOnError: false });
      if (answered.messages.some((message) => message.name === "parseComplete")) prepared.add(name);
      return answered;
    });
    let columns: readonly Column[] = [];
    const rows: Row[] = [];
    for (const message of answer.messages) {
      if (message instanceof messages.DatabaseError) throw message;
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
    query: <Row>(query: Query) => guard(() => run<Row>(query)),
    script: (text) =>
      guard(async () => {
        await pglite.exec(text);
      }),
    close: () => pglite.close(),
  };
}

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
  return `{${value.map(elementText).join(",")}}`;
}

function elementText(element: string | number | boolean | null): string {
  if (element === null) return "NULL";
  return typeof element === "string" ? `"${storableText(element).replaceAll(/["\\]/g, "\\$&")}"` : String(element);
}
