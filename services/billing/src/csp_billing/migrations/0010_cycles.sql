-- Forced row-level security also holds the owner, who rewrites rows below.
alter table inbox no force row level security;
alter table subscriptions no force row level security;
alter table tenant_customer no force row level security;
alter table reports no force row level security;
alter table issued_lines no force row level security;

-- A reseller's report cycle [from_on, until_on). `open` until its close begins, `closing` until every report is issued
-- or held. `started_at` is the moment of the close and of everything that it issues.
create table cycles (
    cycle_id text primary key,
    reseller_id text not null,
    from_on date not null,
    until_on date not null,
    state text not null default 'open' check (state in ('open', 'closing', 'closed')),
    watermark bigint,
    started_at timestamptz,
    closed_at timestamptz,
    command jsonb,
    summary jsonb,
    unique (reseller_id, until_on),
    check (from_on < until_on),
    check (state = 'open' or (watermark is not null and started_at is not null and command is not null))
);
create unique index cycles_one_closing on cycles (reseller_id) where state = 'closing';

-- A close's work, by hash of the customer. A row is taken with `for update skip locked` and done with its lines or not at all.
create table close_shards (
    cycle_id text not null references cycles,
    shard integer not null,
    of_shards integer not null,
    subscriptions integer not null default 0,
    lines integer not null default 0,
    done_at timestamptz,
    primary key (cycle_id, shard)
);

-- What a subscription is billed under, from its first event; to whom, from provisioning's events alone.
alter table subscriptions
    add column customer_id text,
    add column bucket integer generated always as (abs(hashtext(customer_id) % 4096)) stored,
    add column rule_set text,
    add column term text,
    add column charge_cycle text,
    add column auto_renew boolean,
    add column billing_from date,
    add column base_subscription_id text,
    add column predecessor_id text,
    add column began_on date,
    add column bills_from date,
    add column known_at bigint,
    -- Ended, and nothing of it can still post: a close passes it over until a fact about it arrives.
    add column settled boolean not null default false;
update subscriptions s set
    customer_id = (select t.customer_id from tenant_customer t where t.tenant_id = s.tenant_id and t.reseller_id = s.reseller_id),
    rule_set = d.created ->> 'rule_set',
    term = d.created ->> 'term',
    charge_cycle = d.created ->> 'charge_cycle',
    auto_renew = coalesce((d.created ->> 'auto_renew')::boolean, true),
    billing_from = (d.created ->> 'billing_from')::date,
    base_subscription_id = d.created ->> 'base_subscription_id',
    predecessor_id = d.created ->> 'predecessor_id',
    began_on = ((d.meta ->> 'effective_at')::timestamptz at time zone 'utc')::date,
    bills_from = coalesce((d.created ->> 'billing_from')::date, ((d.meta ->> 'effective_at')::timestamptz at time zone 'utc')::date),
    known_at = d.arrival
from (
    select subscription_id, arrival, convert_from(data, 'utf8')::jsonb as created, convert_from(meta, 'utf8')::jsonb as meta
    from inbox where type = 'csp.subscriptions.subscription-created.v1'
) d where d.subscription_id = s.subscription_id;
alter table subscriptions
    alter column rule_set set not null,
    alter column term set not null,
    alter column charge_cycle set not null,
    alter column auto_renew set not null,
    alter column began_on set not null,
    alter column bills_from set not null,
    alter column known_at set not null;
create index subscriptions_to_close on subscriptions (reseller_id, bucket, customer_id, subscription_id) where not settled;
create index subscriptions_customer on subscriptions (reseller_id, customer_id, subscription_id);
create index subscriptions_base on subscriptions (base_subscription_id) where base_subscription_id is not null;
create index subscriptions_predecessor on subscriptions (predecessor_id) where predecessor_id is not null;

-- Subscriptions that another customer had before: corrections of what was issued then still post there.
create table moved_subscriptions (
    reseller_id text not null,
    from_customer_id text not null,
    subscription_id text not null,
    primary key (reseller_id, from_customer_id, subscription_id)
);

-- Where billing stands with a subscription after the window that ends before `until_on`, by ledger; null where that ledger's
-- report is not closed. A close goes on from here. One partition a month, written once.
create table billed_positions (
    reseller_id text not null,
    subscription_id text not null,
    until_on date not null,
    sell text,
    cost text,
    primary key (subscription_id, until_on)
) partition by range (until_on);

-- Lines of reports, written once, shown when their report is issued. A key has each revision once (R10.2).
create table report_lines (
    report_id text not null,
    reseller_id text not null,
    customer_id text not null,
    ledger text not null,
    dated_on date not null,
    position integer not null,
    subscription_id text not null,
    title text not null,
    product text not null,
    kind text not null,
    reason text not null,
    cycle integer not null,
    role text not null,
    cause text not null,
    revision integer not null,
    posted_on date not null,
    due_on date not null,
    from_on date not null,
    until_on date not null,
    quantity bigint not null,
    unit_price_micro bigint,
    amount_minor bigint not null,
    days integer not null,
    of_days integer not null,
    discount_minor bigint not null,
    price_ref text not null,
    rule text not null,
    caused_by text[] not null,
    reverses_cycle integer,
    reverses_role text,
    reverses_cause text,
    is_reversal boolean not null,
    late boolean not null,
    primary key (report_id, position, dated_on),
    unique (subscription_id, ledger, cycle, role, cause, revision, dated_on)
) partition by range (dated_on);

-- The partitions of the month of a day. Rows come by COPY, which PostgreSQL allows into a partition but not through a
-- parent with row-level security; nobody but the worker may touch a partition itself.
create function make_month(day date) returns void language plpgsql security definer set search_path from current as $$$$
declare
    first date := date_trunc('month', day);
    parent text;
    part text;
begin
    perform pg_advisory_xact_lock(7206556);
    foreach parent in array array['billed_positions', 'report_lines'] loop
        part := parent || to_char(first, '_YYYY_MM');
        if to_regclass(part) is null then
            execute format('create table %I (like %I including defaults including constraints)', part, parent);
            execute format('grant select, insert on %I to $worker', part);
            execute format(
                'alter table %I attach partition %I for values from (%L) to (%L)', parent, part, first, first + interval '1 month'
            );
        end if;
    end loop;
end $$$$;
revoke all on function make_month(date) from public;
grant execute on function make_month(date) to $worker;

alter table reports
    drop constraint reports_state_check,
    drop constraint reports_issued_is_whole,
    add column hold_reason text,
    add column held_by text,
    add column pending_count integer not null default 0,
    -- `closing`: its lines are written and not yet shown. `blocked`: a person has to act. `empty`, `carried`: closed without lines.
    add constraint reports_state_check check (
        state in ('open', 'closing', 'blocked', 'held', 'carried', 'empty', 'issued')
    ),
    add constraint reports_issued_is_whole check (
        state not in ('closing', 'issued') or (
            customer_name is not null and sha256 is not null and net_minor is not null
            and line_count is not null and watermark is not null and engine is not null
            and (state = 'closing' or (number is not null and issued_at is not null))
        )
    ),
    add constraint reports_held_is_explained check (
        state not in ('blocked', 'held') or (hold_reason is not null and (state = 'blocked' or held_by is not null))
    );
create index reports_unresolved on reports (reseller_id, until_on, report_id) where state in ('closing', 'blocked');
create index reports_waiting on reports (reseller_id, customer_id) where state in ('blocked', 'held', 'carried');
create index reports_of_window on reports (reseller_id, until_on, ledger, customer_id, currency);

do $$$$
declare day date;
begin
    for day in select distinct date_trunc('month', until_on)::date from reports where state = 'issued' loop
        perform make_month(day);
    end loop;
end $$$$;
insert into report_lines
select l.report_id, l.reseller_id, l.customer_id, l.ledger, r.until_on, l.position, l.subscription_id, l.title, l.product, l.kind,
    l.reason, l.cycle, l.role, l.cause, l.revision, l.posted_on, l.posted_on, l.from_on, l.until_on, l.quantity,
    l.unit_price_micro, l.amount_minor, l.days, l.of_days, l.discount_minor, l.price_ref, l.rule, l.caused_by,
    l.reverses_cycle, l.reverses_role, l.reverses_cause, l.is_reversal, l.late
from issued_lines l join reports r using (report_id);
drop table issued_lines;

grant select, insert, update on cycles, close_shards, subscriptions to $worker;
grant select, insert on report_lines, moved_subscriptions to $worker;
-- An update only adds the other ledger's position to a row.
grant select, insert, update on billed_positions to $worker;
grant delete on reports to $worker;
grant select on cycles, report_lines to $request;

do $$$$
declare owned text;
begin
    foreach owned in array array['cycles', 'billed_positions', 'report_lines', 'moved_subscriptions'] loop
        execute format('alter table %I enable row level security', owned);
        execute format('alter table %I force row level security', owned);
        execute format('create policy %I on %I to $worker using (true) with check (true)', owned || '_worker', owned);
    end loop;
end $$$$;
-- Cycles are the reseller's; a customer sees the sales ledger of its own reports, and nothing of what they cost.
create policy cycles_request on cycles to $request using (
    reseller_id = current_setting('csp.reseller', true) and current_setting('csp.customer', true) = ''
);
create policy report_lines_request on report_lines to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (
        current_setting('csp.customer', true) = ''
        or (customer_id = current_setting('csp.customer', true) and ledger = 'sell')
    )
);

alter table inbox force row level security;
alter table subscriptions force row level security;
alter table tenant_customer force row level security;
alter table reports force row level security;
