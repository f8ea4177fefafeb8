-- How many subscriptions a shard had when its close began: the largest is done first, so that nobody waits for it in the end.
alter table close_shards add column weight integer not null default 0;
