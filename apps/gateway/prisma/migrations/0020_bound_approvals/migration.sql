-- What a person was asked about a call, and what they decided. If the call goes to one device, it goes to the device
-- that had the key when the person was asked, and only while it belongs to the same owner.
ALTER TABLE "tool_calls"
    ADD COLUMN "approval" JSON,
    ADD COLUMN "recipient_device_id" UUID,
    ADD COLUMN "recipient_owner" TEXT;

-- The groups of people in whose name a key decides.
ALTER TABLE "api_keys" ADD COLUMN "groups" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[];

-- Which credential started a run.
ALTER TABLE "runs" ADD COLUMN "started_by" JSON;
