-- Since when a customer's own address has answered that it is none of ours: only a second look, later, makes it gone.
alter table tenants add column missing_since timestamptz;
