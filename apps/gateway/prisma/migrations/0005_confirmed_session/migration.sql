-- When the gateway first heard a device on its connection after it had registered there. Null: not heard yet. Nobody
-- writes it for sessions of a gateway of an earlier version, whose devices then reconnect instead of being stopped.
ALTER TABLE "device_sessions" ADD COLUMN "confirmed_at" TIMESTAMPTZ(3);
