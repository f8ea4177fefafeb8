-- Prices, costs and consumed seats come in streams of their own: what arrives before its subscription waits here.
create table waiting_figures (
    subscription_id text primary key,
    unit_price_micro bigint,
    unit_cost_micro bigint,
    consumed integer,
    consumed_is_shared boolean
);
grant select, insert, update, delete on waiting_figures to $worker;
