-- Read models named after screens. `known` versions lie in the rows themselves where a stream leaves a row.
create table customers (
    customer_id text primary key,
    reseller_id text not null,
    name text not null,
    country text not null,
    status text not null,
    external_refs jsonb not null,
    version bigint not null,
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index customers_page on customers (reseller_id, name, customer_id);
create table tenants (
    tenant_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    microsoft_tenant_id text not null,
    domain text not null,
    company_name text not null,
    country text not null,
    status text not null,
    agreement_accepted_on date,
    origin text not null,
    version bigint not null,
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index tenants_page on tenants (reseller_id, customer_id, domain, tenant_id);
create table subscriptions (
    subscription_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    tenant_id text not null,
    microsoft_subscription_id text not null,
    product text not null,
    product_title text not null,
    friendly_name text,
    commerce text not null,
    term text not null,
    charge_cycle text not null,
    quantity integer not null,
    consumed integer,
    consumed_is_shared boolean not null default false,
    status text not null,
    auto_renew boolean not null,
    renews_on date,
    commitment_ends_on date,
    seat_lots jsonb not null,
    scheduled_quantity integer,
    currency text not null,
    unit_price_micro bigint,
    unit_cost_micro bigint,
    directory_sku_id text,
    origin text not null,
    started_at timestamptz not null,
    version bigint not null,
    revision bigint not null default 1,
    updated_at timestamptz not null
);
create index subscriptions_page on subscriptions (reseller_id, customer_id, product_title, subscription_id);
create index subscriptions_reseller_page on subscriptions (reseller_id, product_title, subscription_id);
create index subscriptions_tenant on subscriptions (reseller_id, tenant_id);
-- Who, when, what, before and after, why.
create table history (
    reseller_id text not null,
    customer_id text,
    subscription_id text not null,
    version bigint not null,
    what text not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    origin text not null,
    actor text not null,
    reason text,
    details jsonb not null,
    superseded boolean not null,
    primary key (subscription_id, version)
);
create table operations (
    operation_id text primary key,
    reseller_id text not null,
    customer_id text,
    kind text not null,
    status text not null,
    subject text,
    requested_by text not null,
    reason text,
    steps jsonb not null,
    resources jsonb not null,
    problem jsonb,
    token jsonb not null,
    version bigint not null,
    requested_at timestamptz not null,
    updated_at timestamptz not null
);
create index operations_page on operations (reseller_id, requested_at desc, operation_id);
create table users (
    user_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    tenant_id text not null,
    microsoft_user_id text not null,
    status text not null,
    is_administrator boolean not null,
    sku_ids text[] not null,
    version bigint not null,
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index users_page on users (reseller_id, tenant_id, user_id);
-- The change feed for pollers: every event that a caller may see, in order of arrival here.
create table feed (
    position bigint generated always as identity primary key,
    reseller_id text not null,
    customer_id text,
    visibility text not null,
    type text not null,
    body jsonb not null,
    event_id text not null unique
);
create index feed_reseller on feed (reseller_id, position);
create index feed_customer on feed (reseller_id, customer_id, position);

grant select, insert, update, delete on customers, tenants, subscriptions, history, operations, users, feed to $worker;
grant select on customers, tenants, subscriptions, history, operations, users, feed to $request;
grant select on known_versions to $request;

do $$$$
declare screen text;
begin
    foreach screen in array array['customers', 'tenants', 'subscriptions', 'history', 'operations', 'users', 'feed'] loop
        execute format('alter table %I enable row level security', screen);
        execute format('alter table %I force row level security', screen);
        execute format('create policy %I on %I to $worker using (true) with check (true)', screen || '_worker', screen);
        execute format(
            'create policy %I on %I to $request using (reseller_id = current_setting(''csp.reseller'', true) '
            'and (current_setting(''csp.customer'', true) = '''' or customer_id = current_setting(''csp.customer'', true)))',
            screen || '_request', screen
        );
    end loop;
end $$$$;
