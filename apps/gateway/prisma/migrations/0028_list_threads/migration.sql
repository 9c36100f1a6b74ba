-- Pages of the list of threads: of all, of a user's, and of those of nobody. Each thread is in two of the indexes.
CREATE INDEX "threads_tenant_id_id_idx" ON "threads" ("tenant_id", "id");
CREATE INDEX "threads_subject" ON "threads" ("tenant_id", "subject", "id") WHERE "subject" IS NOT NULL;
-- "IS NULL" does not keep the order of an index on the subject, so these have their own.
CREATE INDEX "threads_of_nobody" ON "threads" ("tenant_id", "id") WHERE "subject" IS NULL;
