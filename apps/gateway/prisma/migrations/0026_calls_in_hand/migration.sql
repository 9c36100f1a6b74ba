-- What each device has in hand, so that a call for any device goes to the one that has least.
CREATE INDEX "tool_calls_in_hand" ON "tool_calls" ("sent_device_id", "id")
  WHERE "status" = 'dispatched' AND "sent_device_id" IS NOT NULL AND "result_hash" IS NULL;
