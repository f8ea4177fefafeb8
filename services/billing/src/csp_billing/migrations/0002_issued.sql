-- A report is `open` (its lines are computed) until it is `issued`: then it has a number, a hash and stored lines for good.
alter table reports
    add column state text not null default 'open' check (state in ('open', 'issued')),
    add column customer_name text,
    add column number text,
    add column sha256 text,
    add column net_minor bigint,
    add column line_count integer,
    add column watermark bigint,
    add column engine text,
    add column issued_at timestamptz,
    add constraint reports_issued_is_whole check (
        state = 'open' or (
            customer_name is not null and number is not null and sha256 is not null and net_minor is not null
            and line_count is not null and watermark is not null and engine is not null and issued_at is not null
        )
    );
create unique index reports_number on reports (reseller_id, number);
create index reports_issued on reports (reseller_id, customer_id, until_on) where state = 'issued';

create function refuse_change_of_issued() returns trigger language plpgsql as $$$$
begin
    raise exception 'report % is issued and never changes', old.report_id;
end $$$$;
create trigger reports_issued_stay before update or delete on reports
    for each row when (old.state = 'issued') execute function refuse_change_of_issued();

-- The last number given, by reseller and ledger: counted in the transaction that issues, so that no number is missing.
create table report_numbers (
    reseller_id text not null,
    ledger text not null,
    last_number bigint not null,
    primary key (reseller_id, ledger)
);

-- Lines of issued reports, written once. A key has each revision once, whichever report it is in (R10.2).
create table issued_lines (
    report_id text not null references reports,
    position integer not null,
    reseller_id text not null,
    customer_id text not null,
    ledger text not null,
    line_id text not null unique,
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
    primary key (report_id, position),
    unique (reseller_id, ledger, subscription_id, cycle, role, cause, revision)
);
create index issued_lines_customer on issued_lines (reseller_id, customer_id, subscription_id);

grant select, insert on issued_lines to $worker;
grant select, insert, update on report_numbers to $worker;
grant select on issued_lines to $request;

alter table issued_lines enable row level security;
alter table issued_lines force row level security;
create policy issued_lines_worker on issued_lines to $worker using (true) with check (true);
-- A customer has the sales ledger of its own reports, and nothing of what they cost.
create policy issued_lines_request on issued_lines to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (
        current_setting('csp.customer', true) = ''
        or (customer_id = current_setting('csp.customer', true) and ledger = 'sell')
    )
);
alter table report_numbers enable row level security;
alter table report_numbers force row level security;
create policy report_numbers_worker on report_numbers to $worker using (true) with check (true);
