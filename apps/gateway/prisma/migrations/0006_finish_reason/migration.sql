-- Why the last answer of the model ended. A run that is not whole was cut or filtered.
alter table runs add column finish_reason text;
