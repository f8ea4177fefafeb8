-- A report is a row of its own once it is issued. Until then what a shard has made final lies with the shard, as JSON
-- (`closing/sealed.py`); hashes do not compress. `issued` counts how many of them are, in the order of their numbers.
alter table close_shards
    add column reports integer not null default 0,
    add column sealed text;
alter table close_shards alter column sealed set storage external;
alter table cycles add column issued integer not null default 0;

-- What an interrupted close has written and not issued goes to one of its shards that are done.
-- Forced row-level security also holds the owner.
alter table reports no force row level security;
alter table cycles no force row level security;
with waiting as (
    delete from reports where state = 'closing' returning *
), gathered as (
    select c.cycle_id, count(*) as reports, jsonb_agg(jsonb_build_array(
        w.ledger, w.customer_id, w.currency, w.report_id, w.customer_name, w.net_minor, w.line_count, w.sha256, w.engine
    )) as sealed
    from waiting w join cycles c on c.reseller_id = w.reseller_id and c.until_on = w.until_on group by c.cycle_id
)
update close_shards s set reports = g.reports, sealed = g.sealed::text from gathered g
where s.cycle_id = g.cycle_id
    and s.shard = (select min(d.shard) from close_shards d where d.cycle_id = g.cycle_id and d.done_at is not null);
alter table reports force row level security;
alter table cycles force row level security;

alter table reports
    drop constraint reports_state_check,
    drop constraint reports_issued_is_whole,
    add constraint reports_state_check check (state in ('open', 'blocked', 'held', 'carried', 'empty', 'issued')),
    add constraint reports_issued_is_whole check (
        state <> 'issued' or (
            customer_name is not null and number is not null and sha256 is not null and net_minor is not null
            and line_count is not null and watermark is not null and engine is not null and issued_at is not null
        )
    );

create function refuse_close_before_issued() returns trigger language plpgsql set search_path from current as $$$$
begin
    if exists (select from close_shards where cycle_id = new.cycle_id and (done_at is null or sealed is not null)) then
        raise exception 'cycle % has reports that are not issued', new.cycle_id;
    end if;
    return new;
end $$$$;
create trigger cycles_close_last before update on cycles
    for each row when (old.state <> 'closed' and new.state = 'closed') execute function refuse_close_before_issued();
