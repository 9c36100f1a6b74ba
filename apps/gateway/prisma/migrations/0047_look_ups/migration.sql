-- Pages of the lists of files and devices that are nobody's, however few they are.
CREATE INDEX "files_of_nobody" ON "files" ("tenant_id", "id") WHERE "subject" IS NULL;
CREATE INDEX "devices_of_nobody" ON "devices" ("tenant_id", "id") WHERE "subject" IS NULL;

-- Without the last condition Postgres would take it for the smallest index of all stored files, and look at each of
-- them for one that a statement names by its id.
DROP INDEX "files_idempotency";
CREATE UNIQUE INDEX "files_idempotency" ON "files" ("tenant_id", "owner", "idempotency_key")
  WHERE "state" = 'stored' AND "idempotency_key" IS NOT NULL;

-- The calls of a run. With the tenant it counts for more than the indexes of all calls of the tenant, which Postgres
-- takes for as good while it knows nothing of the table.
DROP INDEX "tool_calls_run_id_id_idx";
CREATE INDEX "tool_calls_run_id_id_tenant_id_idx" ON "tool_calls" ("run_id", "id", "tenant_id");

-- A sweep looks for the keys that were revoked long ago.
CREATE INDEX "api_keys_revoked" ON "api_keys" ("revoked_at") WHERE "revoked_at" IS NOT NULL;
