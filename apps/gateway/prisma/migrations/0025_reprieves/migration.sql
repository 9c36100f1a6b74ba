-- A run that has lost too many leases is held and not loaded, until it is given up or forgiven. Losing it meanwhile counts for nothing.
ALTER TABLE "runs" ADD COLUMN "is_reprieved" BOOLEAN NOT NULL DEFAULT false;
