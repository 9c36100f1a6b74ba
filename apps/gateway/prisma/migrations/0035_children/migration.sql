-- A child: a run that another one has started for one of its calls, whose id it bears. It is on no thread. The run at the
-- top, and the thread of that run, say who may see it, and when it is removed.
ALTER TABLE "runs"
  ADD COLUMN "root_run_id" UUID,
  ADD COLUMN "root_thread_id" UUID,
  ADD COLUMN "depth" INTEGER NOT NULL DEFAULT 0,
  -- What its children that have ended spent, with theirs. Null: it had none, or a gateway of an earlier version wrote it.
  ADD COLUMN "children_usage" JSON,
  ADD CONSTRAINT "runs_parent_check" CHECK (
    ("parent_run_id" IS NULL) = ("root_run_id" IS NULL) AND ("parent_run_id" IS NULL) = ("depth" = 0)
  );
CREATE INDEX "runs_parent" ON "runs" ("parent_run_id", "id") WHERE "parent_run_id" IS NOT NULL;
CREATE INDEX "runs_root_thread" ON "runs" ("root_thread_id") WHERE "root_thread_id" IS NOT NULL;
