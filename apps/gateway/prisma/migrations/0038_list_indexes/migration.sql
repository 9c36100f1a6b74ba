-- Lists go by index, newest first, whatever they are narrowed to, and however rare that is.
CREATE INDEX "runs_tenant_id_status_id_idx" ON "runs" ("tenant_id", "status", "id");
-- It serves lists of an agent's runs too, status by status, in place of the one without the status.
CREATE INDEX "runs_tenant_id_agent_id_status_id_idx" ON "runs" ("tenant_id", "agent_id", "status", "id");
DROP INDEX "runs_tenant_id_agent_id_id_idx";
CREATE INDEX "runs_of_thread" ON "runs" ("thread_id", "id") WHERE "thread_id" IS NOT NULL;
CREATE INDEX "runs_of_nobody" ON "runs" ("tenant_id", "id") WHERE "subject" IS NULL;
CREATE INDEX "tool_calls_tenant_id_status_id_idx" ON "tool_calls" ("tenant_id", "status", "id");

-- Gateways turn bitmap scans off, since a plan without statistics prefers one to an index in order. This index has no
-- other kind of scan.
CREATE FUNCTION "has_branches"("of" uuid) RETURNS boolean LANGUAGE sql STABLE SET enable_bitmapscan TO on AS $$
  SELECT EXISTS (SELECT FROM "threads" WHERE "ancestor_ids" @> ARRAY["of"] AND "ancestor_ids" <> '{}')
$$;
