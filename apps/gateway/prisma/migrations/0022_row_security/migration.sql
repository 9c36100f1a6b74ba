-- Every row of a tenant is seen and changed by a transaction that says whose rows it means, and by no other.
--
-- 1. "hsafa.tenant" is the id of a tenant. Without it there are no rows. It is read once for a query, as a sub-select.
-- 2. A transaction that means the rows of all tenants takes the role "hsafa_fleet". Its policy is no condition at all,
--    so that its plans are those of before.
-- 3. FORCE: the owner is bound too. A superuser and a role with BYPASSRLS are not, so gateways work as "hsafa_app".
-- 4. Both roles own nothing, so they can neither lift a policy nor change a table. They cannot log in. Databases of one
--    server share them: they have rights where these grants say so.
-- 5. A server that lets nobody make roles keeps the policies. The owner then sets "hsafa.tenant" to '*' for all rows.
CREATE FUNCTION "hsafa_guard_tenants"() RETURNS VOID
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    here NAME := current_schema();
    has_roles BOOLEAN := (SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('hsafa_app', 'hsafa_fleet'));
    owned RECORD;
BEGIN
    FOR owned IN
        SELECT c.oid, c.relname AS name, pg_get_userbyid(c.relowner) AS owner, c.relkind = 'S' AS is_sequence,
            CASE c.relname WHEN 'tenants' THEN 'id' ELSE (
                SELECT a.attname FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
            ) END AS whose
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = here AND c.relkind IN ('r', 'p', 'S') AND pg_has_role(c.relowner, 'MEMBER')
    LOOP
        IF owned.whose IS NOT NULL AND NOT owned.is_sequence THEN
            IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = owned.oid AND polname = 'tenant_rows') THEN
                -- 1.
                EXECUTE format(
                    'CREATE POLICY tenant_rows ON %I USING (%I = (
                        SELECT nullif(nullif(current_setting(''hsafa.tenant'', true), ''''), ''*'')::uuid
                    ))',
                    owned.name, owned.whose
                );
                -- 5.
                EXECUTE format(
                    'CREATE POLICY owner_rows ON %I TO %I USING ((SELECT current_setting(''hsafa.tenant'', true)) = ''*'')',
                    owned.name, owned.owner
                );
            END IF;
            IF has_roles AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = owned.oid AND polname = 'fleet_rows') THEN
                -- 2.
                EXECUTE format('CREATE POLICY fleet_rows ON %I TO hsafa_fleet USING (true)', owned.name);
            END IF;
            IF NOT (SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = owned.oid) THEN
                -- 3.
                EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', owned.name);
            END IF;
        END IF;
        -- 4.
        IF has_roles AND owned.is_sequence THEN
            EXECUTE format('GRANT USAGE ON SEQUENCE %I TO hsafa_app, hsafa_fleet', owned.name);
        ELSIF has_roles THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hsafa_app, hsafa_fleet', owned.name);
        END IF;
    END LOOP;
    IF has_roles THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO hsafa_app, hsafa_fleet', here);
    END IF;
END $$;

-- 4. Another database of this server may make the roles at the same moment.
DO $$
DECLARE
    wanted NAME;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['hsafa_app', 'hsafa_fleet'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
            IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
                EXECUTE format('GRANT %I TO %I', wanted, current_user);
            END IF;
        EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation OR undefined_object THEN
            RAISE NOTICE 'the role % is made by an administrator: %', wanted, SQLERRM;
        END;
    END LOOP;
END $$;

SELECT "hsafa_guard_tenants"();

-- An operator calls it without a gateway.
CREATE OR REPLACE FUNCTION "hsafa_new_generation"() RETURNS TEXT
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('hsafa.tenant', '*', true);
    RETURN (hsafa_judge_server(NULL, true)).tag;
END $$;
