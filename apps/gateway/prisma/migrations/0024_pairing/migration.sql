-- When somebody paired the device for its owner; null: nobody did.
alter table devices add column paired_at timestamptz(3);

-- Set while a session awaits its pairing, and takes no calls.
alter table device_sessions
  add column pairing_code text,
  add column pairing_expires_at timestamptz(3);

-- A code names one device.
create unique index device_sessions_pairing_code_key on device_sessions (tenant_id, pairing_code)
  where pairing_code is not null and disconnected_at is null;
