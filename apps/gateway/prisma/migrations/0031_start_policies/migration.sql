-- A run whose messages have entered another run of its thread ends as merged. That one is told by an input.
ALTER TABLE "runs"
  DROP CONSTRAINT "runs_status_check",
  DROP CONSTRAINT "runs_ended_check",
  ADD CONSTRAINT "runs_status_check" CHECK ("status" IN ('queued', 'running', 'waiting_tool', 'completed', 'failed', 'canceled', 'merged')),
  ADD CONSTRAINT "runs_ended_check" CHECK ("status" NOT IN ('completed', 'failed', 'canceled', 'merged') OR ("wake_at" IS NULL AND "lease_owner" IS NULL));
ALTER TABLE "run_inputs"
  DROP CONSTRAINT "run_inputs_kind_check",
  ADD CONSTRAINT "run_inputs_kind_check" CHECK ("kind" IN ('message', 'steer', 'tool_result', 'approval', 'cancel', 'dispatch_lost'));
ALTER TABLE "runs" ADD COLUMN "merged_into" UUID;
-- A run that was merged was never claimed, and waits for no turn.
DROP INDEX "runs_waiting_turn";
CREATE INDEX "runs_waiting_turn" ON "runs" ("thread_id", "thread_turn") WHERE "wake_at" IS NULL AND "epoch" = 0 AND "status" = 'queued';
