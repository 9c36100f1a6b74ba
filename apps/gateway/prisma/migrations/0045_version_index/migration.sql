-- With the tenant before it, the index of a version is the one that its list takes, whatever Postgres knows of the table.
CREATE INDEX "runs_tenant_id_agent_version_id_id_idx" ON "runs" ("tenant_id", "agent_version_id", "id");
DROP INDEX "runs_agent_version_id_id_idx";
