-- Which history of the store this is. A restore or a failover may lose what was committed. Then a new generation begins.
create table store_state (
  id int primary key default 1 check (id = 1),
  -- Of the present generation. The first one's is empty.
  tag text not null default '',
  -- Of those before, as far as positions up to a run's kept_seq mean the same in them.
  former_tags text[] not null default '{}',
  -- Whether the server was replaced within this generation, so that it may lack the last commits of the one before.
  was_replaced boolean not null default false,
  -- The server that was judged last: its data, its timeline, and when it had started.
  system text,
  timeline text,
  server_started_at timestamptz
);
insert into store_state default values;

-- The last fact that the run had when the present generation began, or an earlier one. Null: it was not open then.
alter table runs add column kept_seq int;

-- Which data the server has; null where the role may not ask. A new cluster has others, also if a dump was restored.
create function hsafa_system() returns text language plpgsql as $$
begin
  return (select system_identifier::text from pg_control_system());
exception when others then
  return null;
end $$;

-- The server's timeline; null where the role may not ask. A failover and a restore to a point in time begin a new one.
create function hsafa_timeline() returns text language plpgsql as $$
begin
  return left(pg_walfile_name(pg_current_wal_lsn()), 8);
exception when others then
  return null;
end $$;

-- How far the server's log is on disk, in bytes; null where the role may not ask. It never falls but by a restore.
create function hsafa_written() returns float8 language plpgsql as $$
begin
  return (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::float8;
exception when others then
  return null;
end $$;

-- Judges the server as it is now, and begins a new generation if it has lost, or may have lost, what was committed.
-- No run is claimed on a server that has started and was not judged since. `expected`: the generation of which
-- `went_back` is said; null: whichever.
--
-- 1. One judges at a time. What is said of another generation than the present one is no news.
-- 2. Before the first judgement of a server nothing was claimed on it. So what a run has then is common to both
--    generations, and a position up to there means the same. A later judgement cannot tell, so nothing is kept.
-- 3. Rows are locked in the order of their ids, as renewals do. A run that has ended keeps all that it has.
-- 4. A number would be given again after another restore.
-- 5. A new timeline alone proves nothing, since most failovers lose nothing.
create function hsafa_judge_server(expected text, went_back boolean) returns store_state language plpgsql as $$
declare
  state store_state;
  present_system text := hsafa_system();
  present_timeline text := hsafa_timeline();
  is_first boolean;
  is_new boolean;
begin
  select * into state from store_state for update; -- 1.
  is_first := state.server_started_at is distinct from pg_postmaster_start_time();
  is_new := went_back and coalesce(expected = state.tag, true)
    or is_first and coalesce(state.system <> present_system, false);
  if is_new then
    if is_first then
      perform from runs where status in ('queued', 'running', 'waiting_tool') order by id for no key update; -- 3.
      update runs set kept_seq = least(kept_seq, last_seq) where status in ('queued', 'running', 'waiting_tool'); -- 2.
    end if;
    update store_state set
      former_tags = case when is_first then (state.former_tags || state.tag)[cardinality(state.former_tags) - 30 :] else '{}' end,
      tag = left(md5(gen_random_uuid()::text), 8); -- 4.
  end if;
  update store_state set
    -- 5.
    was_replaced = not is_new and (was_replaced or coalesce(timeline <> present_timeline, false)),
    system = coalesce(present_system, system), timeline = coalesce(present_timeline, timeline),
    server_started_at = pg_postmaster_start_time()
  returning * into state;
  return state;
end $$;

-- For an operator, after a restore.
create function hsafa_new_generation() returns text language sql as $$
  select (hsafa_judge_server(null, true)).tag
$$;
