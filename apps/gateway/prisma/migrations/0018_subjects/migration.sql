-- The user of the tenant whose a row is. Null: the tenant's own, as everything from before.
ALTER TABLE "api_keys" ADD COLUMN "subject" TEXT;
ALTER TABLE "threads" ADD COLUMN "subject" TEXT;
ALTER TABLE "runs" ADD COLUMN "subject" TEXT;
-- That of the call's run, so that neither a list nor a device looks for the run.
ALTER TABLE "tool_calls" ADD COLUMN "subject" TEXT;

CREATE INDEX "runs_subject" ON "runs" ("tenant_id", "subject", "id") WHERE "subject" IS NOT NULL;
CREATE INDEX "tool_calls_subject" ON "tool_calls" ("tenant_id", "subject", "id") WHERE "subject" IS NOT NULL;

-- The keys of two users do not meet.
DROP INDEX "threads_tenant_id_key_key";
CREATE UNIQUE INDEX "threads_key" ON "threads" ("tenant_id", "key", "subject") NULLS NOT DISTINCT WHERE "key" IS NOT NULL;

-- Who sent the idempotency key. Null: it is from before. A gateway of an earlier version knows no other.
ALTER TABLE "runs" ADD COLUMN "idempotency_owner" TEXT;
DROP INDEX "runs_idempotency";
CREATE UNIQUE INDEX "runs_idempotency" ON "runs" ("tenant_id", "idempotency_key", "idempotency_owner") NULLS NOT DISTINCT
  WHERE "idempotency_key" IS NOT NULL;
