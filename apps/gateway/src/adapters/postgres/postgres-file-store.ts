import type { FileStore } from "../../ports/file-store.ts";
import { errorCode, type TenantSql } from "./sql.ts";
import { tenantStatement } from "./statement.ts";

const PUT_CHUNK = tenantStatement({
  name: "put-file-chunk",
  parameters: { fileId: "uuid", nth: "int", bytes: "bytea" },
  text: `
insert into file_chunks (tenant_id, file_id, nth, bytes)
select :tenantId, id, :nth, :bytes from files where id = :fileId and tenant_id = :tenantId
on conflict do nothing`,
});

const GET_CHUNK = tenantStatement({
  name: "get-file-chunk",
  parameters: { fileId: "uuid", nth: "int" },
  // As base64: the driver would read bytes as twice as many digits, which costs the event loop twice as much.
  text: `
select encode(bytes, 'base64') as base64 from file_chunks
where file_id = :fileId and nth = :nth and tenant_id = :tenantId`,
});

const REMOVE_CHUNKS = tenantStatement({
  name: "remove-file-chunks",
  parameters: { fileId: "uuid" },
  text: "delete from file_chunks where file_id = :fileId and tenant_id = :tenantId",
});

/** Keeps the bytes of files beside their rows. A chunk without the row of its file is not kept. */
export function createPostgresFileStore(sql: TenantSql): FileStore {
  return {
    name: "postgres",
    async putChunk({ tenantId, fileId, nth, bytes }) {
      try {
        await sql.query(PUT_CHUNK({ tenantId, fileId, nth, bytes }));
      } catch (error) {
        // The file went in between. Nobody asks for its chunk.
        if (errorCode(error) !== "23503") throw error;
      }
    },
    async getChunk(chunk) {
      const [row] = await sql.query<{ readonly base64: string }>(GET_CHUNK(chunk));
      return row === undefined ? null : Buffer.from(row.base64, "base64");
    },
    async remove(file) {
      await sql.query(REMOVE_CHUNKS(file));
    },
  };
}
