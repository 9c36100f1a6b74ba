-- By which a gateway finds what a claim took whose answer it never got.
ALTER TABLE "runs" ADD COLUMN "claim_number" INTEGER;

-- Runs that keep losing their gateways, of which a claim takes few at a time.
CREATE INDEX "runs_due_lost" ON "runs" ("wake_at") WHERE "wake_at" IS NOT NULL AND "recoveries" > 0;
