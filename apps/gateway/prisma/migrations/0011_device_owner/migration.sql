-- A device belongs to the key that registered it first, and takes calls for any device only if its credential says so.
-- Devices of before have no owner: the next key that registers one owns it. They took such calls, and go on to do so
-- until they register again.
alter table devices add column owner text, add column is_pooled boolean not null default true;
