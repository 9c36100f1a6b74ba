-- Pages of the list of a user's files.
CREATE INDEX "files_subject" ON "files" ("tenant_id", "subject", "id") WHERE "subject" IS NOT NULL;
