-- What prices are locked to: one row per subscription, from the subscriptions' events. Whose it is, its tenant says.
create table subscriptions (
    subscription_id text primary key,
    reseller_id text not null,
    tenant_id text not null,
    product text not null,
    product_title text not null,
    term text not null,
    charge_cycle text not null,
    segment text not null,
    currency text not null,
    began_on date not null,
    ended boolean not null default false
);
create index subscriptions_product on subscriptions (reseller_id, product) where not ended;
create index subscriptions_tenant on subscriptions (reseller_id, tenant_id);

grant select, insert, update, delete on subscriptions to $worker;
grant select on subscriptions, tenant_customer to $request;

alter table tenant_customer enable row level security;
alter table tenant_customer force row level security;
create policy tenant_customer_worker on tenant_customer to $worker using (true) with check (true);
create policy tenant_customer_request on tenant_customer to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
alter table subscriptions enable row level security;
alter table subscriptions force row level security;
create policy subscriptions_worker on subscriptions to $worker using (true) with check (true);
-- The tenants that a customer sees are its own, by their own policy.
create policy subscriptions_request on subscriptions to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (
        current_setting('csp.customer', true) = ''
        or exists (
            select from tenant_customer t where t.tenant_id = subscriptions.tenant_id
            and t.reseller_id = subscriptions.reseller_id
        )
    )
);
