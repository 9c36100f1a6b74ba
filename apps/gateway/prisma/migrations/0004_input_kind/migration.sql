-- The kind of an input as a column, so that no rule has to guess it from a dedupe key and no statement looks into JSON.
ALTER TABLE "run_inputs" ADD COLUMN "kind" TEXT;

-- A gateway of an earlier version goes on while this database is already migrated, and names no kind. It writes the kind
-- first in the input's JSON, so the text tells it. (JSON functions refuse an input whose text holds "\u0000".)
CREATE FUNCTION "run_inputs_read_kind"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."kind" := substring(NEW."input"::text FROM '^\{"kind":"([a-z_]+)"');
  RETURN NEW;
END
$$;
CREATE TRIGGER "run_inputs_read_kind" BEFORE INSERT ON "run_inputs"
  FOR EACH ROW WHEN (NEW."kind" IS NULL) EXECUTE FUNCTION "run_inputs_read_kind"();

UPDATE "run_inputs" SET "kind" = substring("input"::text FROM '^\{"kind":"([a-z_]+)"');
ALTER TABLE "run_inputs"
  ALTER COLUMN "kind" SET NOT NULL,
  ADD CONSTRAINT "run_inputs_kind_check" CHECK ("kind" IN ('message', 'tool_result', 'approval', 'cancel', 'dispatch_lost'));

-- A claim asks whether a cancel waits for a run whose turn in its thread has not come.
CREATE INDEX "run_inputs_cancel" ON "run_inputs" ("run_id") WHERE "kind" = 'cancel' AND NOT "consumed";
