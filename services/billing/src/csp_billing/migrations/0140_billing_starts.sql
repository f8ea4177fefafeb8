-- A subscription whose first billing day was changed (R9.7) is folded by what the log says of that day, not by its row.
alter table subscriptions add column billing_start_moved boolean not null default false;
