import { listFilesQuerySchema, pageSchema, storedFileSchema, uploadFileQuerySchema } from "@hsafa/protocol/schema";
import { deleteFile } from "../../../control/delete-file.ts";
import { listFiles } from "../../../control/list-files.ts";
import { readFile } from "../../../control/read-file.ts";
import { uploadFile } from "../../../control/upload-file.ts";
import { downloadOf } from "../download.ts";
import { json, type Route, scoped } from "../route.ts";
import { uploadOf } from "../upload.ts";

const tag = "Files";
const ANY = "application/octet-stream";

/** Files that messages name. */
export const fileRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/files",
    tag,
    summary: "Upload a file: the body is its bytes, and 'Content-Type' says what it is",
    scopes: ["runs:start", "runs:send"],
    query: uploadFileQuerySchema,
    rawBody: ANY,
    headers: ["Idempotency-Key"],
    responses: {
      201: { description: "The file is stored", schema: storedFileSchema },
      200: { description: "The file that the idempotency key has made before", schema: storedFileSchema },
    },
    async handle({ deps, principal, request, query, idempotencyKey }) {
      const upload = uploadOf(deps, principal.tenantId, request);
      if (upload.kind === "refused") return upload;
      const outcome = await uploadFile(deps, principal, { ...query, ...upload, idempotencyKey });
      return outcome.kind === "refused" ? outcome : json(outcome.created ? 201 : 200, outcome.file);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/files",
    tag,
    summary: "List files, newest first",
    scopes: ["runs:read"],
    query: listFilesQuerySchema,
    responses: { 200: { description: "A page of files", schema: pageSchema(storedFileSchema) } },
    async handle({ deps, principal, query: { limit, cursor, subject } }) {
      const outcome = await listFiles(deps, principal, { limit, cursor, subject });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/files/:id",
    tag,
    summary: "The bytes of a file",
    scopes: ["runs:read"],
    responses: { 200: { description: "The bytes, to be saved and not to be shown", mediaType: ANY } },
    async handle({ deps, principal, request, params: { id = "" } }) {
      const opened = await readFile(deps, principal, id);
      return opened.kind === "refused" ? opened : downloadOf(deps, principal, request, opened);
    },
  }),
  scoped({
    method: "DELETE",
    path: "/api/files/:id",
    tag,
    summary: "Delete a file; runs that use it go on without it",
    scopes: ["runs:write"],
    responses: { 204: { description: "The file is gone" } },
    async handle({ deps, principal, params: { id = "" } }) {
      const outcome = await deleteFile(deps, principal, id);
      return outcome.kind === "refused" ? outcome : { kind: "empty", status: 204 };
    },
  }),
];
