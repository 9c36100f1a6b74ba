-- What a run may use: the limits of its agent, narrowed by its start.
ALTER TABLE "runs" ADD COLUMN "limits" JSON;
