-- What people call a thread; since when it is deleted; and where it goes on from.
--
-- A branch has the threads before it, the first of them first, and of each the last turn that it sees. So its history is
-- found without a walk from thread to thread, and no row of the others changes.
ALTER TABLE "threads"
  ADD COLUMN "title" TEXT,
  ADD COLUMN "deleted_at" TIMESTAMPTZ(3),
  ADD COLUMN "branched_from" UUID,
  ADD COLUMN "ancestor_ids" UUID[] NOT NULL DEFAULT '{}',
  ADD COLUMN "ancestor_turns" INTEGER[] NOT NULL DEFAULT '{}',
  ADD CONSTRAINT "threads_ancestors_check" CHECK (
    cardinality("ancestor_ids") = cardinality("ancestor_turns") AND ("branched_from" IS NULL) = ("ancestor_ids" = '{}')
  );
-- The sweep: what is deleted, and whether a branch still needs it.
CREATE INDEX "threads_deleted" ON "threads" ("deleted_at") WHERE "deleted_at" IS NOT NULL;
CREATE INDEX "threads_ancestors" ON "threads" USING GIN ("ancestor_ids") WHERE "ancestor_ids" <> '{}';

-- What is removed is counted off. Its runs have ended.
CREATE FUNCTION "count_removed_thread"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "tenant_usage_changes" ("tenant_id", "threads", "stored_bytes")
  VALUES (OLD."tenant_id", -1, -octet_length(OLD."metadata"::text));
  RETURN NULL;
END
$$;
CREATE TRIGGER "threads_count_removed" AFTER DELETE ON "threads" FOR EACH ROW EXECUTE FUNCTION "count_removed_thread"();
CREATE FUNCTION "count_removed_run"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "tenant_usage_changes" ("tenant_id", "stored_bytes")
  VALUES (OLD."tenant_id", -octet_length(OLD."metadata"::text));
  RETURN NULL;
END
$$;
CREATE TRIGGER "runs_count_removed" AFTER DELETE ON "runs" FOR EACH ROW EXECUTE FUNCTION "count_removed_run"();
CREATE FUNCTION "count_removed_events"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "tenant_usage_changes" ("tenant_id", "stored_bytes")
  SELECT "tenant_id", -sum(coalesce("bytes", octet_length("payload"::text))) FROM "removed" GROUP BY "tenant_id";
  RETURN NULL;
END
$$;
CREATE TRIGGER "run_events_count_removed" AFTER DELETE ON "run_events" REFERENCING OLD TABLE AS "removed"
  FOR EACH STATEMENT EXECUTE FUNCTION "count_removed_events"();
