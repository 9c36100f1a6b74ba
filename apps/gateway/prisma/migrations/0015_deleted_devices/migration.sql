-- Devices that were deleted a while ago. A device that is in neither table was lost, as by a restore: it may come back.
create table deleted_devices (
  id uuid primary key,
  tenant_id uuid not null,
  deleted_at timestamptz(3) not null default now()
);
