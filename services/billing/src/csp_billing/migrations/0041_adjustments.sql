-- Credits and charges by hand, as they were granted; what bills them is the fact in the inbox.
create table adjustments (
    adjustment_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    subscription_id text not null,
    currency text not null,
    amount_minor bigint not null check (amount_minor <> 0),
    text text not null,
    line_id text,
    granted_at timestamptz not null,
    granted_by text not null
);
create index adjustments_newest on adjustments (reseller_id, granted_at desc, adjustment_id);
grant select, insert on adjustments to $worker;
grant select on adjustments to $request;
alter table adjustments enable row level security;
alter table adjustments force row level security;
create policy adjustments_worker on adjustments to $worker using (true) with check (true);
create policy adjustments_request on adjustments to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
