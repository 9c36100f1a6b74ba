-- Runs that have begun, tenant by tenant: of a tenant whose runs fill the queue a claim passes over all but a few.
CREATE INDEX "runs_due_begun_tenant" ON "runs" ("tenant_id", "wake_at") WHERE "wake_at" IS NOT NULL AND "epoch" > 0;
