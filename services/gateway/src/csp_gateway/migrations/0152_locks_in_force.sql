-- From which day the price and the cost that are shown hold, and whether they are those of the first billing day (R9.7): a lock
-- that comes later for an earlier day does not show. Of rows from before it is not known; the next lock says it.
alter table subscriptions
    add column price_from_on date, add column price_at_takeover boolean not null default false,
    add column cost_from_on date, add column cost_at_takeover boolean not null default false;
alter table waiting_figures
    add column price_from_on date, add column price_at_takeover boolean not null default false,
    add column cost_from_on date, add column cost_at_takeover boolean not null default false;

-- What the change feed kept of the locks says it of the prices that are shown.
alter table subscriptions no force row level security;
alter table feed no force row level security;
with locks as (
    select reseller_id, body -> 'data' ->> 'subscription_id' as subscription_id, type like '%price-locked%' as is_price,
        max((body -> 'data' ->> 'from_on')::date) as from_on
    from feed
    where type in ('csp.pricing.subscription-price-locked.v1', 'csp.pricing.subscription-cost-locked.v1')
    group by 1, 2, 3
)
update subscriptions s set
    price_from_on = (select from_on from locks l where l.reseller_id = s.reseller_id and l.subscription_id = s.subscription_id and is_price),
    cost_from_on = (select from_on from locks l where l.reseller_id = s.reseller_id and l.subscription_id = s.subscription_id and not is_price)
where exists (select from locks l where l.reseller_id = s.reseller_id and l.subscription_id = s.subscription_id);
alter table feed force row level security;
alter table subscriptions force row level security;
