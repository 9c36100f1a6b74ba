-- Files of tenants, and which runs use them. A row is there before the first byte and after the last one, so no byte is
-- kept that nothing tells of.
CREATE TABLE "files" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "owner" TEXT NOT NULL,
    "subject" TEXT,
    "idempotency_key" TEXT,
    "filename" TEXT,
    "media_type" TEXT NOT NULL,
    "size" INTEGER NOT NULL DEFAULT 0,
    "sha256" TEXT NOT NULL DEFAULT '',
    "state" TEXT NOT NULL DEFAULT 'uploading',
    "kept_in" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "files_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "files_state_check" CHECK ("state" IN ('uploading', 'stored', 'removing')),
    CONSTRAINT "files_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX "files_tenant_id_id_idx" ON "files"("tenant_id", "id");
CREATE INDEX "files_expires_at_idx" ON "files"("expires_at");
CREATE UNIQUE INDEX "files_idempotency" ON "files"("tenant_id", "owner", "idempotency_key") WHERE "state" = 'stored';

-- No foreign key to the run: a use is written before its run, so that a file which a run names is always there.
CREATE TABLE "file_uses" (
    "tenant_id" UUID NOT NULL,
    "file_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    CONSTRAINT "file_uses_pkey" PRIMARY KEY ("file_id", "run_id"),
    CONSTRAINT "file_uses_file_id_fkey" FOREIGN KEY ("file_id") REFERENCES "files"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- The bytes, where no other place is set. A chunk that comes after its file has gone is refused by the foreign key.
CREATE TABLE "file_chunks" (
    "tenant_id" UUID NOT NULL,
    "file_id" UUID NOT NULL,
    "nth" INTEGER NOT NULL,
    "bytes" BYTEA NOT NULL,
    CONSTRAINT "file_chunks_pkey" PRIMARY KEY ("file_id", "nth"),
    CONSTRAINT "file_chunks_file_id_fkey" FOREIGN KEY ("file_id") REFERENCES "files"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
-- Pictures and documents are compressed already.
ALTER TABLE "file_chunks" ALTER COLUMN "bytes" SET STORAGE EXTERNAL;

-- A file counts with FILE_BYTES_COUNTED_MIN (ports/limits.ts) at least, from the moment when it is stored.
CREATE FUNCTION "count_file"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  bytes_before BIGINT := CASE WHEN OLD."state" = 'stored' THEN greatest(OLD."size", 4096) ELSE 0 END;
  bytes_after BIGINT := CASE WHEN TG_OP = 'UPDATE' AND NEW."state" = 'stored' THEN greatest(NEW."size", 4096) ELSE 0 END;
BEGIN
  IF bytes_before <> bytes_after THEN
    INSERT INTO "tenant_usage_changes" ("tenant_id", "stored_bytes") VALUES (OLD."tenant_id", bytes_after - bytes_before);
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER "files_count" AFTER UPDATE OF "state" OR DELETE ON "files" FOR EACH ROW EXECUTE FUNCTION "count_file"();
