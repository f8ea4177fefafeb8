-- R5.3: when a changed price of a list counts for running subscriptions; customer '' = the reseller's default.
create table price_policies (
    reseller_id text not null,
    customer_id text not null,
    policy text not null,
    effective_on date not null,
    stream_version bigint not null,
    primary key (reseller_id, customer_id, effective_on, stream_version)
);
-- Days on which a list has another price for a product: looked at once they are there.
create table price_changes (
    change_id bigint generated always as identity primary key,
    reseller_id text not null,
    customer_id text,
    product text not null,
    due_on date not null
);
create index price_changes_due on price_changes (due_on, change_id);
grant select, insert, update, delete on price_policies, price_changes to $worker;

-- A subscription can wait for several prices: that of its purchase, and that of its renewal.
alter table pending_locks add column cause text not null default '';
update pending_locks set cause = coalesce(body ->> 'causation_id', '');
alter table pending_locks drop constraint pending_locks_pkey;
alter table pending_locks add primary key (subscription_id, ledger, cause);
