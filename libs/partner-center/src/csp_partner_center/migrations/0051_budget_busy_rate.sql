-- The rate of the minute before the one that is being counted: a minute of climbing does not hide what the next one was let through.
alter table budget add column busy_rate double precision not null default 0;
