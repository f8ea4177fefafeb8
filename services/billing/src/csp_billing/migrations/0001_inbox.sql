-- The log of record: every fact that billing knows, once. Never truncated; `arrival` is only the watermark for as-of.
create table inbox (
    arrival bigint generated always as identity primary key,
    reseller_id text not null,
    subscription_id text not null,
    stream text not null,
    version bigint not null,
    type text not null,
    data bytea not null,
    meta bytea not null,
    unique (stream, version)
);
create index inbox_subscription on inbox (reseller_id, subscription_id, arrival);
create table reseller_settings (
    reseller_id text not null,
    setting text not null,
    value text not null,
    effective_on date not null,
    stream_version bigint not null,
    primary key (reseller_id, setting, effective_on, stream_version)
);
create table customers (
    customer_id text primary key,
    reseller_id text not null,
    name text not null,
    status text not null
);
-- Which organisation a tenant belongs to, from provisioning's events alone.
create table tenant_customer (
    tenant_id text primary key,
    reseller_id text not null,
    customer_id text not null
);
create table subscriptions (
    subscription_id text primary key,
    reseller_id text not null,
    tenant_id text not null,
    product_title text not null,
    currency text not null
);
create index subscriptions_tenant on subscriptions (reseller_id, tenant_id);
-- A report by its id: whose, which window, which ledger. Its lines are computed while it is open.
create table reports (
    report_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    ledger text not null,
    currency text not null,
    from_on date not null,
    until_on date not null
);

grant select, insert, update on inbox, reseller_settings, customers, tenant_customer, subscriptions, reports to $worker;
grant select on inbox, reseller_settings, customers, tenant_customer, subscriptions, reports to $request;

do $$$$
declare owned text;
begin
    foreach owned in array array['inbox', 'reseller_settings', 'subscriptions'] loop
        execute format('alter table %I enable row level security', owned);
        execute format('alter table %I force row level security', owned);
        execute format('create policy %I on %I to $worker using (true) with check (true)', owned || '_worker', owned);
        execute format(
            'create policy %I on %I to $request using (reseller_id = current_setting(''csp.reseller'', true))',
            owned || '_request', owned
        );
    end loop;
    foreach owned in array array['customers', 'tenant_customer', 'reports'] loop
        execute format('alter table %I enable row level security', owned);
        execute format('alter table %I force row level security', owned);
        execute format('create policy %I on %I to $worker using (true) with check (true)', owned || '_worker', owned);
        execute format(
            'create policy %I on %I to $request using (reseller_id = current_setting(''csp.reseller'', true) '
            'and (current_setting(''csp.customer'', true) = '''' or customer_id = current_setting(''csp.customer'', true)))',
            owned || '_request', owned
        );
    end loop;
end $$$$;
