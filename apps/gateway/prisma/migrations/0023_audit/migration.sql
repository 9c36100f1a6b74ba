-- Who did what to a tenant. Entries are added and never change. No foreign key: they outlive what they tell of.
create table audit_entries (
  id uuid not null,
  tenant_id uuid not null,
  at timestamptz(3) not null default current_timestamp,
  action text not null,
  outcome text not null,
  actor json not null,
  -- Of the actor, for filters.
  subject text,
  key_id text,
  targets json not null,
  details json not null,
  constraint audit_entries_pkey primary key (tenant_id, id),
  -- AUDIT_ENTRY_BYTES_MAX in ports/limits.ts. The bounds of names keep entries far below.
  constraint audit_entries_size check (
    octet_length(actor::text) + octet_length(targets::text) + octet_length(details::text) <= 4096
  )
);
create index audit_entries_tenant_id_action_id_idx on audit_entries (tenant_id, action, id);
create index audit_entries_tenant_id_subject_id_idx on audit_entries (tenant_id, subject, id);
create index audit_entries_tenant_id_key_id_id_idx on audit_entries (tenant_id, key_id, id);

-- The database says when an act was done, so nobody writes an entry of another day. The id is a UUIDv7 of that time,
-- with its microseconds and a number that counts on, so the order of ids is that of acts.
create sequence audit_entries_order;
create function stamp_audit_entry() returns trigger language plpgsql as $$
declare
  moment timestamptz := clock_timestamp();
  micros bigint := floor(extract(epoch from moment) * 1000000);
  hex text := lpad(to_hex(micros / 1000), 12, '0');
  fraction text := lpad(to_hex(floor((micros % 1000) * 4.096)::int), 3, '0');
  -- 30 bits: of an id, 14 beside the variant, and the 16 after them.
  nth bigint := nextval('audit_entries_order') & 1073741823;
begin
  new.at := date_trunc('milliseconds', moment);
  new.id := (
    substr(hex, 1, 8) || '-' || substr(hex, 9) || '-7' || fraction || '-' || to_hex(32768 + (nth >> 16)) || '-'
    || lpad(to_hex(nth & 65535), 4, '0') || substr(gen_random_uuid()::text, 1, 8)
  )::uuid;
  return new;
end
$$;
create trigger audit_entries_stamp before insert on audit_entries for each row execute function stamp_audit_entry();

-- Each counts as AUDIT_ENTRY_BYTES_COUNTED (ports/limits.ts), whatever its size.
create function count_audit_entries() returns trigger language plpgsql as $$
begin
  insert into tenant_usage_changes (tenant_id, stored_bytes)
  select tenant_id, 1024 * count(*) from added group by tenant_id;
  return null;
end
$$;
create trigger audit_entries_count after insert on audit_entries referencing new table as added
  for each statement execute function count_audit_entries();

-- For every role, the owner and superusers included, and also where replication turns other triggers off.
create function keep_audit_entries() returns trigger language plpgsql as $$
begin
  raise exception 'audit entries are kept: % is refused', lower(tg_op)
    using hint = 'An operator removes old entries by hsafa_prune_audit(before).';
end
$$;
create trigger audit_entries_kept before update or delete or truncate on audit_entries
  for each statement execute function keep_audit_entries();
alter table audit_entries enable always trigger audit_entries_kept;

-- For an operator: removes the entries of all tenants from before a time, at least 30 days ago. Only the owner of the
-- table may turn its trigger off. Each tenant that loses entries gets one that says so.
create function hsafa_prune_audit(before timestamptz) returns bigint language plpgsql as $$
declare
  removed bigint;
begin
  if before > now() - interval '30 days' then
    raise exception 'audit entries of the last 30 days are kept';
  end if;
  alter table audit_entries disable trigger audit_entries_kept;
  create temporary table pruned on commit drop as
    select tenant_id, count(*) as entries from audit_entries where at < before group by tenant_id;
  delete from audit_entries where at < before;
  alter table audit_entries enable always trigger audit_entries_kept;
  insert into tenant_usage_changes (tenant_id, stored_bytes) select tenant_id, -1024 * entries from pruned;
  insert into audit_entries (tenant_id, action, outcome, actor, targets, details)
  select tenant_id, 'audit.prune', 'deleted',
    json_build_object('kind', 'database', 'keyId', null, 'name', current_user, 'subject', null, 'address', host(inet_client_addr())),
    '{}', json_build_object('before', to_char(before at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'entries', entries)
  from pruned;
  select coalesce(sum(entries), 0) into removed from pruned;
  drop table pruned;
  return removed;
end
$$;
