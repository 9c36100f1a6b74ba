-- The size of an input as a column, so that a page of an inbox is cut without a look into large values.
ALTER TABLE "run_inputs" ADD COLUMN "bytes" INTEGER;

-- A gateway of an earlier version names no size.
CREATE FUNCTION "run_inputs_measure"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."bytes" := octet_length(NEW."input"::text);
  RETURN NEW;
END
$$;
CREATE TRIGGER "run_inputs_measure" BEFORE INSERT ON "run_inputs"
  FOR EACH ROW WHEN (NEW."bytes" IS NULL) EXECUTE FUNCTION "run_inputs_measure"();

UPDATE "run_inputs" SET "bytes" = octet_length("input"::text);
ALTER TABLE "run_inputs" ALTER COLUMN "bytes" SET NOT NULL;

-- What waits for a run, in bytes. A gateway of an earlier version does not count it. So it is a bound for senders and no
-- more, and begins anew when nothing waits.
ALTER TABLE "runs"
  ADD COLUMN "inbox_bytes" INTEGER NOT NULL DEFAULT 0,
  ADD CONSTRAINT "runs_inbox_bytes_check" CHECK ("inbox_bytes" >= 0);
UPDATE "runs" SET "inbox_bytes" = waiting."bytes"
FROM (SELECT "run_id", sum("bytes") AS "bytes" FROM "run_inputs" WHERE NOT "consumed" GROUP BY "run_id") AS waiting
WHERE "id" = waiting."run_id";
