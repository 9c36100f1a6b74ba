-- How often a run's own work has stalled a gateway. Gateways of an earlier version count none.
ALTER TABLE "runs" ADD COLUMN "stalls" INTEGER NOT NULL DEFAULT 0;
