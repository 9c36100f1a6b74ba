-- Whose the device was that a person was asked about, by id: two keys may have one name. Null: asked for by a gateway of
-- an earlier version, and so the name counts.
ALTER TABLE "tool_calls" ADD COLUMN "recipient_owner_id" TEXT;
