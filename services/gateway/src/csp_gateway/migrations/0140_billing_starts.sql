-- From when an imported subscription is billed (R9.7): shown to the reseller, beside cost and margin.
alter table subscriptions add column billing_from date;
create or replace function show_subscription() returns trigger language plpgsql as $$$$
begin
    new.renews_on := case when new.auto_renew and new.status in ('active', 'suspended') then new.commitment_ends_on + 1 end;
    new.shown := left(json_build_object(
        'id', new.subscription_id,
        'customer_id', nullif(new.customer_id, ''),
        'tenant_id', new.tenant_id,
        'name', coalesce(nullif(new.friendly_name, ''), new.product_title),
        'product', new.product,
        'product_title', new.product_title,
        'commerce', new.commerce,
        'term', new.term,
        'charge_cycle', new.charge_cycle,
        'quantity', new.quantity,
        'consumed', new.consumed,
        'consumed_is_shared', new.consumed_is_shared,
        'status', new.status,
        'end_of_term', case when new.auto_renew then 'renew' else 'cancel' end,
        'renews_on', new.renews_on,
        'commitment_ends_on', new.commitment_ends_on,
        'seat_lots', new.seat_lots,
        'scheduled_quantity', new.scheduled_quantity,
        'price', money(new.unit_price_micro, new.currency),
        'origin', new.origin,
        'external_refs', json_build_object('microsoft_subscription_id', new.microsoft_subscription_id),
        'started_at', instant(new.started_at),
        'version', new.version,
        'updated_at', instant(new.updated_at)
    )::text, -1);
    new.shown_cost := ',' || substr(json_build_object(
        'billing_from', new.billing_from,
        'cost', money(new.unit_cost_micro, new.currency),
        'margin', money(new.unit_price_micro - new.unit_cost_micro, new.currency)
    )::text, 2);
    return new;
end $$$$;

-- What the change feed kept of first events says from when they are billed; rows are rendered anew by being touched.
alter table subscriptions no force row level security;
alter table feed no force row level security;
update subscriptions s set billing_from = (f.body -> 'data' ->> 'billing_from')::date
    from feed f where f.type = 'csp.subscriptions.subscription-created.v1' and f.reseller_id = s.reseller_id
    and f.body -> 'data' ->> 'subscription_id' = s.subscription_id and f.body -> 'data' ->> 'billing_from' is not null;
update subscriptions set version = version;
alter table feed force row level security;
alter table subscriptions force row level security;
