-- Lists of runs go by index for a version and for a device too.
CREATE INDEX "runs_agent_version_id_id_idx" ON "runs" ("agent_version_id", "id");
-- A device's runs in order: those with a call that it has answered, and those with one that it was sent.
CREATE INDEX "tool_calls_answered_by" ON "tool_calls" ("tenant_id", "device_id", "run_id") WHERE "device_id" IS NOT NULL;
CREATE INDEX "tool_calls_sent_to" ON "tool_calls" ("tenant_id", "sent_device_id", "run_id")
  WHERE "sent_device_id" IS NOT NULL;
