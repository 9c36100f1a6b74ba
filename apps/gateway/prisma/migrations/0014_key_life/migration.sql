-- A key has an origin if a gateway made it at its start, an end, a last use, and for a while a former secret.
ALTER TABLE "api_keys"
    ADD COLUMN "origin" TEXT,
    ADD COLUMN "created_by" TEXT,
    ADD COLUMN "expires_at" TIMESTAMPTZ(3),
    ADD COLUMN "last_used_at" TIMESTAMPTZ(3),
    ADD COLUMN "former_hash" TEXT,
    ADD COLUMN "former_until" TIMESTAMPTZ(3);

CREATE UNIQUE INDEX "api_keys_former_hash_key" ON "api_keys"("former_hash");

-- Until now a gateway's own keys were known by their names. No other way made keys.
UPDATE "api_keys" SET "origin" = CASE "name" WHEN 'operator' THEN 'operator' ELSE 'development' END
WHERE "name" IN ('operator', 'dev') AND "tenant_id" IN (SELECT "id" FROM "tenants" WHERE "name" = 'default');

-- What was revoked, or will be at a time that is still to come, each with the number of its revocation. Tokens bear the number that was the last when they were
-- made, so those of before are known without any clock.
CREATE TABLE "revocations" (
    "tenant_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "number" BIGINT NOT NULL,
    "revoked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "revocations_pkey" PRIMARY KEY ("tenant_id", "kind", "subject")
);

CREATE UNIQUE INDEX "revocations_number_key" ON "revocations"("number");

-- One row. Its lock lasts until the revocation is committed, so numbers become visible in their order. A number is at
-- least the time in ms. So after a restore of an older database, new numbers are above those that were lost.
CREATE TABLE "revocation_state" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "number" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "revocation_state_pkey" PRIMARY KEY ("id")
);

INSERT INTO "revocation_state" ("id", "number") VALUES (1, 0);

CREATE FUNCTION "record_revocation"(tenant UUID, what TEXT, whom TEXT, due TIMESTAMPTZ) RETURNS BIGINT
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    counted BIGINT;
BEGIN
    UPDATE "revocation_state"
    SET "number" = greatest("number" + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    RETURNING "number" INTO counted;
    INSERT INTO "revocations" ("tenant_id", "kind", "subject", "number", "revoked_at")
    VALUES (tenant, what, whom, counted, due)
    ON CONFLICT ("tenant_id", "kind", "subject") DO UPDATE SET "number" = counted, "revoked_at" = due;
    RETURN counted;
END $$;

-- A key that an operator revokes or deletes by SQL counts like one that is revoked by the API.
CREATE FUNCTION "record_key_revocation"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM "record_revocation"(OLD."tenant_id", 'key', OLD."id"::text, now());
    RETURN NULL;
END $$;

CREATE TRIGGER "api_keys_revoked" AFTER UPDATE OF "revoked_at" ON "api_keys"
FOR EACH ROW WHEN (OLD."revoked_at" IS NULL AND NEW."revoked_at" IS NOT NULL)
EXECUTE FUNCTION "record_key_revocation"();

CREATE TRIGGER "api_keys_deleted" AFTER DELETE ON "api_keys"
FOR EACH ROW WHEN (OLD."revoked_at" IS NULL)
EXECUTE FUNCTION "record_key_revocation"();
