-- By which a gateway finds what a claim took whose answer it never got.
ALTER TABLE "runs" ADD COLUMN "claim_number" INTEGER;
