-- The size of an event's payload as a column, so that a page of large events is cut without a look into them. The table is
-- large, so events from before have none, and nor have those of a gateway of an earlier version: these are measured when
-- they are read.
ALTER TABLE "run_events" ADD COLUMN "bytes" INTEGER;
