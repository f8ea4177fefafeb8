-- Activity records that wait for another one: until the own record of what is known as the present value has come, nobody
-- can say which of the two was the later one.
create table waiting_records (
    fact_id text primary key,
    reseller_id text not null,
    subscription_id text not null,
    since timestamptz not null,
    stream text not null,
    version bigint not null,
    type text not null,
    data jsonb not null,
    meta jsonb not null
);
create index waiting_records_of_subscription on waiting_records (subscription_id);
grant select, insert, delete on waiting_records to $worker;
