-- Tenants that we made and that left before they were ever shown: nothing was told of their leaving (decision 0316).
alter table tenants no force row level security;
insert into resources (reseller_id, resource, microsoft_id, microsoft_tenant_id, resource_id, began_at)
select reseller_id, 'tenant', microsoft_tenant_id, microsoft_tenant_id, tenant_id, timestamptz '2000-01-01 00:00:00Z'
from tenants
on conflict do nothing;
update tenants set is_gone = false, compare_at = timestamptz '2000-01-01 00:00:00Z'
where is_gone and exists (
    select 1 from resources
    where resources.reseller_id = tenants.reseller_id and resources.resource = 'tenant'
        and resources.microsoft_id = tenants.microsoft_tenant_id and resources.digest is null
);
alter table tenants force row level security;
