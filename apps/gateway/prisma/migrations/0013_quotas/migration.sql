-- Limits that an operator set for a tenant, by the names of the quotas. One that is missing is the gateways' default.
CREATE TABLE "tenant_limits" (
    "tenant_id" UUID NOT NULL,
    "limits" JSON NOT NULL,
    CONSTRAINT "tenant_limits_pkey" PRIMARY KEY ("tenant_id")
);

-- What each tenant has. Triggers write changes, each a row of its own: a counter that every start of a run updates would
-- let one of a tenant's statements wait for the commit of another. A sweep adds the changes up. Gateways of an earlier
-- version are counted like all others.
CREATE TABLE "tenant_usage" (
    "tenant_id" UUID NOT NULL,
    "queued_runs" BIGINT NOT NULL,
    "active_runs" BIGINT NOT NULL,
    "devices" BIGINT NOT NULL,
    "threads" BIGINT NOT NULL,
    "agent_versions" BIGINT NOT NULL,
    "stored_bytes" BIGINT NOT NULL,
    "tokens" BIGINT NOT NULL,
    "tokens_day" INTEGER NOT NULL,
    CONSTRAINT "tenant_usage_pkey" PRIMARY KEY ("tenant_id")
);
CREATE TABLE "tenant_usage_changes" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "queued_runs" INTEGER NOT NULL DEFAULT 0,
    "active_runs" INTEGER NOT NULL DEFAULT 0,
    "devices" INTEGER NOT NULL DEFAULT 0,
    "threads" INTEGER NOT NULL DEFAULT 0,
    "agent_versions" INTEGER NOT NULL DEFAULT 0,
    "stored_bytes" BIGINT NOT NULL DEFAULT 0,
    "tokens" BIGINT NOT NULL DEFAULT 0,
    "tokens_day" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "tenant_usage_changes_pkey" PRIMARY KEY ("tenant_id", "id")
);

-- A number in the usage of a run; null where there is none. What a provider reports may be nonsense.
CREATE FUNCTION "usage_number"("usage" json, "name" text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN json_typeof("usage" -> "name") = 'number' THEN ("usage" ->> "name")::numeric END
$$;
-- The tokens that it counts for (`tokensOf` in core/quotas.ts).
CREATE FUNCTION "usage_tokens"("usage" json) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT least(greatest(round(coalesce(
    "usage_number"("usage", 'totalTokens'),
    coalesce("usage_number"("usage", 'inputTokens'), 0) + coalesce("usage_number"("usage", 'outputTokens'), 0)
  )), 0), 1000000000000)::bigint
$$;

CREATE FUNCTION "count_run"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "tenant_usage_changes" ("tenant_id", "queued_runs", "active_runs", "stored_bytes")
    VALUES (
      NEW."tenant_id", (NEW."status" = 'queued')::int, (NEW."status" IN ('running', 'waiting_tool'))::int,
      octet_length(NEW."metadata"::text)
    );
  ELSE
    INSERT INTO "tenant_usage_changes" ("tenant_id", "queued_runs", "active_runs", "tokens", "tokens_day")
    VALUES (
      NEW."tenant_id",
      (NEW."status" = 'queued')::int - (OLD."status" = 'queued')::int,
      (NEW."status" IN ('running', 'waiting_tool'))::int - (OLD."status" IN ('running', 'waiting_tool'))::int,
      "usage_tokens"(NEW."usage") - "usage_tokens"(OLD."usage"),
      floor(extract(epoch FROM now()) / 86400)
    );
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER "runs_count_new" AFTER INSERT ON "runs" FOR EACH ROW EXECUTE FUNCTION "count_run"();
CREATE TRIGGER "runs_count_changed" AFTER UPDATE OF "status", "usage" ON "runs" FOR EACH ROW WHEN (
  (OLD."status" = 'queued') <> (NEW."status" = 'queued')
  OR (OLD."status" IN ('running', 'waiting_tool')) <> (NEW."status" IN ('running', 'waiting_tool'))
  OR OLD."usage"::text <> NEW."usage"::text
) EXECUTE FUNCTION "count_run"();

CREATE FUNCTION "count_events"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "tenant_usage_changes" ("tenant_id", "stored_bytes")
  SELECT "tenant_id", sum(coalesce("bytes", octet_length("payload"::text))) FROM "added" GROUP BY "tenant_id";
  RETURN NULL;
END
$$;
CREATE TRIGGER "run_events_count" AFTER INSERT ON "run_events" REFERENCING NEW TABLE AS "added"
  FOR EACH STATEMENT EXECUTE FUNCTION "count_events"();

CREATE FUNCTION "count_version"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "tenant_usage_changes" ("tenant_id", "agent_versions", "stored_bytes")
  VALUES (NEW."tenant_id", 1, octet_length(NEW."config_json"::text));
  RETURN NULL;
END
$$;
CREATE TRIGGER "agent_versions_count" AFTER INSERT ON "agent_versions" FOR EACH ROW EXECUTE FUNCTION "count_version"();

CREATE FUNCTION "count_thread"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "tenant_usage_changes" ("tenant_id", "threads", "stored_bytes")
  VALUES (NEW."tenant_id", 1, octet_length(NEW."metadata"::text));
  RETURN NULL;
END
$$;
CREATE TRIGGER "threads_count" AFTER INSERT ON "threads" FOR EACH ROW EXECUTE FUNCTION "count_thread"();

CREATE FUNCTION "count_device"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "tenant_usage_changes" ("tenant_id", "devices", "stored_bytes")
  VALUES (
    coalesce(NEW."tenant_id", OLD."tenant_id"),
    (TG_OP = 'INSERT')::int - (TG_OP = 'DELETE')::int,
    coalesce(octet_length(NEW."tools"::text), 0) - coalesce(octet_length(OLD."tools"::text), 0)
  );
  RETURN NULL;
END
$$;
CREATE TRIGGER "devices_count" AFTER INSERT OR DELETE ON "devices" FOR EACH ROW EXECUTE FUNCTION "count_device"();
CREATE TRIGGER "devices_count_tools" AFTER UPDATE OF "tools" ON "devices" FOR EACH ROW
  WHEN (OLD."tools"::text <> NEW."tools"::text) EXECUTE FUNCTION "count_device"();

-- The triggers keep writers out until the end of this migration, so nothing is counted twice. Bytes are counted from
-- now on: to read all events would take as long as the database is large.
INSERT INTO "tenant_usage"
SELECT t."id",
  (SELECT count(*) FROM "runs" r WHERE r."tenant_id" = t."id" AND r."status" = 'queued'),
  (SELECT count(*) FROM "runs" r WHERE r."tenant_id" = t."id" AND r."status" IN ('running', 'waiting_tool')),
  (SELECT count(*) FROM "devices" d WHERE d."tenant_id" = t."id"),
  (SELECT count(*) FROM "threads" h WHERE h."tenant_id" = t."id"),
  (SELECT count(*) FROM "agent_versions" v WHERE v."tenant_id" = t."id"),
  0, 0, 0
FROM "tenants" t;
