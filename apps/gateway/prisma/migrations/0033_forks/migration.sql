-- The run from which a run was forked, and the last fact of that one that it has taken over.
ALTER TABLE "runs" ADD COLUMN "forked_from" UUID, ADD COLUMN "forked_at" INTEGER;
-- The forks of a run, newest first.
CREATE INDEX "runs_forked_from" ON "runs" ("tenant_id", "forked_from", "id") WHERE "forked_from" IS NOT NULL;
