-- By which the others know at once that a gateway's process died.
ALTER TABLE "gateways" ADD COLUMN "lifeline" TIMESTAMPTZ(6);
