-- Who owns a device: a user of the tenant, or a key. Names of keys are not unique. A gateway of an earlier version goes
-- on to write and compare the name.
ALTER TABLE "devices"
    ADD COLUMN "owner_id" TEXT,
    ADD COLUMN "subject" TEXT;

CREATE INDEX "devices_subject" ON "devices" ("tenant_id", "subject", "id") WHERE "subject" IS NOT NULL;

-- What the credential of the connection names: the device takes no call of another run.
ALTER TABLE "device_sessions"
    ADD COLUMN "only_run_id" UUID,
    ADD COLUMN "only_thread_id" UUID;
