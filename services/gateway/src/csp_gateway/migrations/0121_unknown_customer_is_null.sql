-- Whose a subscription is, is unknown until its tenant is known: null, as all that is unknown.
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
        'cost', money(new.unit_cost_micro, new.currency),
        'margin', money(new.unit_price_micro - new.unit_cost_micro, new.currency)
    )::text, 2);
    return new;
end $$$$;

alter table subscriptions no force row level security;
update subscriptions set customer_id = customer_id where customer_id = '';
alter table subscriptions force row level security;
