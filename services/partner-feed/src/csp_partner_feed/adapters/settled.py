"""Resources whose both sides have settled, with the open drift or the last resolved one; the rules themselves are `differences`."""

SETTLED = """
select r.reseller_id, r.resource_id, r.microsoft_tenant_id, r.microsoft_id, r.confirmed, r.state, t.tenant_id,
    d.drift_id, d.version, d.fields, d.suggested_side,
    l.fields as last_fields, l.side as last_side, l.decided_by as last_actor, l.resolved_at as last_resolved_at,
    case when l.policy <> 'converged' then l.policy end as last_policy,
    p.currency, p.unit_price_micro, p.charge_cycle
from resources r
join tenants t using (reseller_id, microsoft_tenant_id)
left join drifts d on d.resource = r.resource and d.resource_id = r.resource_id and d.resolved_at is null
left join lateral (
    select * from drifts l where l.resource = r.resource and l.resource_id = r.resource_id and l.resolved_at is not null
    order by l.found_at desc limit 1
) l on d.drift_id is null
left join prices p on p.subscription_id = r.resource_id and p.reseller_id = r.reseller_id
where r.resource = 'subscription' and not r.is_gone and r.confirmed is not null and r.state is not null
    and r.began_at <= %(before)s and r.confirmed_at <= %(before)s
    and (
        d.drift_id is not null
        or r.confirmed ->> 'status' is distinct from case r.state ->> 'status'
            when 'deleted' then 'cancelled' when 'disabled' then 'expired' else r.state ->> 'status' end
        or r.confirmed ->> 'quantity' is distinct from r.state ->> 'quantity'
            and r.state ->> 'status' in ('active', 'suspended')
        or r.confirmed ->> 'auto_renew' is distinct from r.state ->> 'auto_renew'
            and r.state ->> 'status' = 'active'
    )
order by r.reseller_id, r.resource_id limit 1000
"""
