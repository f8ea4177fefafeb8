-- What we made in a tenant that the feed does not know yet: logs are followed apart, and the tenant's may be behind.
create table early_resources (
    reseller_id text not null,
    resource text not null,
    microsoft_id text not null,
    tenant_id text not null,
    resource_id text not null,
    primary key (reseller_id, resource, microsoft_id)
);
create index early_resources_of_tenant on early_resources (reseller_id, tenant_id);
grant select, insert, delete on early_resources to $worker;
