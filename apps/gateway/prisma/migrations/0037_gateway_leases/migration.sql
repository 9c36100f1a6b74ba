-- One lease for each gateway, which covers the runs that it has renewed. A run with an owner and without `wake_at` is
-- covered, so a renewal writes one row here and none of `runs`. A gateway of an earlier version never takes such a run.
CREATE TABLE "gateway_leases" (
    "gateway_id" TEXT NOT NULL,
    "ends_at" TIMESTAMPTZ(6) NOT NULL,
    CONSTRAINT "gateway_leases_pkey" PRIMARY KEY ("gateway_id")
);
-- `ends_at` stands in no index: a renewal rewrites its row in place.
ALTER TABLE "gateway_leases" SET (fillfactor = 20, autovacuum_vacuum_threshold = 200);
-- The runs that a gateway's lease covers. A run enters it once while it is held.
CREATE INDEX "runs_covered" ON "runs" ("lease_owner") WHERE "wake_at" IS NULL AND "lease_owner" IS NOT NULL;
