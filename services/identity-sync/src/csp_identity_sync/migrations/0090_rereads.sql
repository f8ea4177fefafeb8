-- Users to read again when old values can no longer show.
create table rereads (
    user_id text primary key,
    reseller_id text not null,
    tenant_id text not null,
    due_at timestamptz not null
);
grant select, insert, update, delete on rereads to $worker;
