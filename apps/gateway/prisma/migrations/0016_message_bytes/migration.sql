-- What a run has taken of messages in its life, in bytes. It begins at nothing for runs from before, and a gateway of an
-- earlier version does not count it. So it is a bound for senders and no more.
ALTER TABLE "runs" ADD COLUMN "message_bytes" INTEGER NOT NULL DEFAULT 0;
