-- A tenant may be disabled: none of its credentials is taken then.
ALTER TABLE "tenants" ADD COLUMN "disabled_at" TIMESTAMPTZ(3);

-- A tenant that an operator disables by SQL counts like one that is disabled by the API.
CREATE FUNCTION "record_tenant_change"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM "record_revocation"(
        NEW."id", CASE WHEN NEW."disabled_at" IS NULL THEN 'enabled' ELSE 'disabled' END, '', now()
    );
    RETURN NULL;
END $$;

CREATE TRIGGER "tenants_disabled" AFTER UPDATE OF "disabled_at" ON "tenants"
FOR EACH ROW WHEN ((OLD."disabled_at" IS NULL) <> (NEW."disabled_at" IS NULL))
EXECUTE FUNCTION "record_tenant_change"();
