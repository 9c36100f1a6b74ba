import type { Page, StoredFile } from "@hsafa/protocol";
import type { TenantId } from "../../core/tenant-id.ts";
import type { TenantFiles } from "../../ports/tenant-files.ts";
import { listedBySubject } from "./listed-by-subject.ts";
import { readPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import { FILE_COLUMNS, type FileColumns, fileOfColumns } from "./statements/files/file-columns.ts";

const listedFiles = listedBySubject({
  name: "list-files",
  table: "files",
  columns: FILE_COLUMNS,
  condition: "state = 'stored'",
});

export function listFiles(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantFiles["listFiles"]>[0],
): Promise<Page<StoredFile>> {
  return readPage(
    params,
    (part) => sql.query<FileColumns>(listedFiles(tenantId, params.subject, part)),
    (row) => {
      const { id, filename, mediaType, size, sha256, subject, createdAt, expiresAt } = fileOfColumns(row);
      return { id, filename, mediaType, size, sha256, subject, createdAt, expiresAt };
    },
  );
}
