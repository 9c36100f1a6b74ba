-- CreateTable
CREATE TABLE "tenants" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "key_hash" TEXT NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agents" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "current_version_id" UUID,
    "version_count" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "agents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agent_versions" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "version" TEXT NOT NULL,
    "description" TEXT,
    "config_json" JSON NOT NULL,
    "config_hash" TEXT NOT NULL,
    "device_keys" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "agent_versions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "threads" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "key" TEXT,
    "metadata" JSON NOT NULL,
    "turns" INTEGER NOT NULL DEFAULT 0,
    "open_runs" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "threads_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "runs" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "agent_version_id" UUID NOT NULL,
    "thread_id" UUID,
    "thread_turn" INTEGER,
    "parent_run_id" UUID,
    "device_key" TEXT,
    "metadata" JSON NOT NULL,
    "idempotency_key" TEXT,
    "idempotency_hash" TEXT,
    "status" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "lease_owner" TEXT,
    "wake_at" TIMESTAMPTZ(6),
    "inbox" INTEGER NOT NULL DEFAULT 0,
    "recoveries" INTEGER NOT NULL DEFAULT 0,
    "last_seq" INTEGER NOT NULL,
    "steps" INTEGER NOT NULL DEFAULT 0,
    "open_step" INTEGER,
    "usage" JSON NOT NULL,
    "output" JSON,
    "error" JSON,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "run_events" (
    "tenant_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "sub" INTEGER NOT NULL,
    "prev_seq" INTEGER,
    "prev_sub" INTEGER,
    "type" TEXT NOT NULL,
    "payload" JSON NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "run_events_pkey" PRIMARY KEY ("run_id","seq","sub")
);

-- CreateTable
CREATE TABLE "run_inputs" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "input" JSON NOT NULL,
    "dedupe_key" TEXT,
    "body_hash" TEXT,
    "consumed" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "run_inputs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "tool_calls" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "step" INTEGER NOT NULL,
    "tool_name" TEXT NOT NULL,
    "args" JSON NOT NULL,
    "target" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL,
    "repeatable" BOOLEAN NOT NULL,
    "recipient_kind" TEXT,
    "recipient_key" TEXT,
    "recipient_labels" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "recipient_platform" TEXT,
    "deadline" TIMESTAMPTZ(3),
    "result" JSON,
    "error" JSON,
    "source" TEXT,
    "device_id" UUID,
    "result_hash" TEXT,
    "sent_device_id" UUID,
    "sent_boot_id" TEXT,
    "sent_to" UUID[] DEFAULT ARRAY[]::UUID[],
    "requested_at" TIMESTAMPTZ(3) NOT NULL,
    "dispatched_at" TIMESTAMPTZ(3),
    "sent_at" TIMESTAMPTZ(3),
    "accepted_at" TIMESTAMPTZ(3),
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "tool_calls_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "devices" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "display_name" TEXT,
    "platform" TEXT,
    "labels" TEXT[],
    "tools" JSON NOT NULL,
    "tool_names" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "devices_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "device_sessions" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "device_id" UUID NOT NULL,
    "gateway_id" TEXT NOT NULL,
    "boot_id" TEXT NOT NULL,
    "max_in_flight" INTEGER NOT NULL,
    "connected_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "disconnected_at" TIMESTAMPTZ(3),
    "reason" TEXT,

    CONSTRAINT "device_sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "gateways" (
    "id" TEXT NOT NULL,
    "stopping" BOOLEAN NOT NULL DEFAULT false,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "beaten_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "gateways_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "tenants_name_key" ON "tenants"("name");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "api_keys"("key_hash");

-- CreateIndex
CREATE INDEX "api_keys_tenant_id_id_idx" ON "api_keys"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "agents_tenant_id_id_idx" ON "agents"("tenant_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "agents_tenant_id_name_key" ON "agents"("tenant_id", "name");

-- CreateIndex
CREATE INDEX "agent_versions_agent_id_id_idx" ON "agent_versions"("agent_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "agent_versions_agent_id_config_hash_key" ON "agent_versions"("agent_id", "config_hash");

-- CreateIndex
CREATE UNIQUE INDEX "threads_tenant_id_key_key" ON "threads"("tenant_id", "key");

-- CreateIndex
CREATE INDEX "runs_tenant_id_id_idx" ON "runs"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "runs_tenant_id_agent_id_id_idx" ON "runs"("tenant_id", "agent_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "run_inputs_run_id_dedupe_key_key" ON "run_inputs"("run_id", "dedupe_key");

-- CreateIndex
CREATE INDEX "tool_calls_run_id_id_idx" ON "tool_calls"("run_id", "id");

-- CreateIndex
CREATE INDEX "tool_calls_tenant_id_id_idx" ON "tool_calls"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "tool_calls_tenant_id_tool_name_id_idx" ON "tool_calls"("tenant_id", "tool_name", "id");

-- CreateIndex
CREATE INDEX "tool_calls_tenant_id_device_id_id_idx" ON "tool_calls"("tenant_id", "device_id", "id");

-- CreateIndex
CREATE INDEX "devices_tenant_id_id_idx" ON "devices"("tenant_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "devices_tenant_id_key_key" ON "devices"("tenant_id", "key");

-- CreateIndex
CREATE INDEX "device_sessions_device_id_id_idx" ON "device_sessions"("device_id", "id");

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_current_version_id_fkey" FOREIGN KEY ("current_version_id") REFERENCES "agent_versions"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agent_versions" ADD CONSTRAINT "agent_versions_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "threads" ADD CONSTRAINT "threads_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "runs" ADD CONSTRAINT "runs_agent_version_id_fkey" FOREIGN KEY ("agent_version_id") REFERENCES "agent_versions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "runs" ADD CONSTRAINT "runs_thread_id_fkey" FOREIGN KEY ("thread_id") REFERENCES "threads"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "devices" ADD CONSTRAINT "devices_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "device_sessions" ADD CONSTRAINT "device_sessions_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "devices"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- What follows is not in schema.prisma, which cannot say it.

-- Values that only these may be: a wrong one is a bug that should stop here.
ALTER TABLE "runs"
  ADD CONSTRAINT "runs_status_check" CHECK ("status" IN ('queued', 'running', 'waiting_tool', 'completed', 'failed', 'canceled')),
  ADD CONSTRAINT "runs_counters_check" CHECK ("epoch" >= 0 AND "inbox" >= 0 AND "recoveries" >= 0 AND "last_seq" >= 1),
  -- R6: nobody looks at an ended run again.
  ADD CONSTRAINT "runs_ended_check" CHECK ("status" NOT IN ('completed', 'failed', 'canceled') OR ("wake_at" IS NULL AND "lease_owner" IS NULL)),
  ADD CONSTRAINT "runs_thread_check" CHECK (("thread_id" IS NULL) = ("thread_turn" IS NULL)),
  ADD CONSTRAINT "runs_idempotency_check" CHECK (("idempotency_key" IS NULL) = ("idempotency_hash" IS NULL));
ALTER TABLE "run_events"
  ADD CONSTRAINT "run_events_position_check" CHECK ("seq" >= 1 AND "sub" >= 0),
  -- A fact names its predecessor, a delta follows by counting.
  ADD CONSTRAINT "run_events_prev_check" CHECK (("sub" = 0) = ("prev_seq" IS NOT NULL) AND ("prev_seq" IS NULL) = ("prev_sub" IS NULL));
ALTER TABLE "run_inputs"
  ADD CONSTRAINT "run_inputs_dedupe_check" CHECK (("dedupe_key" IS NULL) = ("body_hash" IS NULL));
ALTER TABLE "tool_calls"
  ADD CONSTRAINT "tool_calls_status_check" CHECK ("status" IN ('requested', 'awaiting_approval', 'dispatched', 'completed', 'failed', 'expired', 'denied')),
  ADD CONSTRAINT "tool_calls_target_check" CHECK ("target" IN ('server', 'device', 'browser', 'external')),
  ADD CONSTRAINT "tool_calls_recipient_check" CHECK (("recipient_kind" = 'key') = ("recipient_key" IS NOT NULL) AND "recipient_kind" IN ('key', 'any')),
  ADD CONSTRAINT "tool_calls_sent_check" CHECK (("sent_device_id" IS NULL) = ("sent_boot_id" IS NULL));
ALTER TABLE "threads"
  ADD CONSTRAINT "threads_counters_check" CHECK ("turns" >= 0 AND "open_runs" >= 0);

-- Partial, since most runs have neither and every heartbeat writes each index that its run stands in.
CREATE UNIQUE INDEX "runs_idempotency" ON "runs" ("tenant_id", "idempotency_key") WHERE "idempotency_key" IS NOT NULL;
CREATE UNIQUE INDEX "runs_thread" ON "runs" ("thread_id", "thread_turn") WHERE "thread_id" IS NOT NULL;
-- The claim: runs that have begun, in the order in which they became due; new ones, tenant by tenant.
CREATE INDEX "runs_due_begun" ON "runs" ("wake_at") WHERE "wake_at" IS NOT NULL AND "epoch" > 0;
CREATE INDEX "runs_due_new" ON "runs" ("tenant_id", "wake_at") WHERE "wake_at" IS NOT NULL AND "epoch" = 0;
-- Whose turn it is in a thread.
CREATE INDEX "runs_thread_open" ON "runs" ("thread_id", "thread_turn")
  WHERE "thread_id" IS NOT NULL AND "status" IN ('queued', 'running', 'waiting_tool');
-- The sweep: runs that wait for their turn.
CREATE INDEX "runs_waiting_turn" ON "runs" ("thread_id", "thread_turn") WHERE "wake_at" IS NULL AND "epoch" = 0;
-- Facts alone, without passing over a long step's deltas.
CREATE INDEX "run_events_facts" ON "run_events" ("run_id", "seq") WHERE "sub" = 0;
-- Inputs that wait.
CREATE INDEX "run_inputs_waiting" ON "run_inputs" ("run_id", "id") WHERE NOT "consumed";
-- Calls that a device may take: by its key, or by a tool that it offers.
CREATE INDEX "tool_calls_out_by_key" ON "tool_calls" ("tenant_id", "recipient_key", "id")
  WHERE "status" = 'dispatched' AND "recipient_kind" = 'key';
CREATE INDEX "tool_calls_out_by_tool" ON "tool_calls" ("tenant_id", "tool_name", "id")
  WHERE "status" = 'dispatched' AND "recipient_kind" = 'any';
-- A run's open calls, for whoever takes it over.
CREATE INDEX "tool_calls_open" ON "tool_calls" ("run_id", "id") WHERE "status" IN ('requested', 'awaiting_approval', 'dispatched');
-- A device has one open session at most.
CREATE UNIQUE INDEX "device_sessions_open" ON "device_sessions" ("device_id") WHERE "disconnected_at" IS NULL;
CREATE INDEX "device_sessions_open_by_gateway" ON "device_sessions" ("gateway_id") WHERE "disconnected_at" IS NULL;

-- Hot rows are rewritten in place (HOT) where the page has room, and their dead versions are collected early.
ALTER TABLE "runs" SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE "threads" SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "run_inputs" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE "tool_calls" SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "gateways" SET (fillfactor = 50, autovacuum_vacuum_threshold = 200);
