import { GATEWAY_TIMEOUT_MS } from "../../../../ports/limits.ts";
import { listedBySubject } from "../../listed-by-subject.ts";
import { tenantStatement } from "../../statement.ts";
import { millis } from "../../times.ts";

/**
 * SQL: the newest session of each device, and the last heartbeat of the gateway that holds it open, if that is alive.
 * That is judged by the database's clock, which heartbeats are recorded by.
 */
const LATEST = `
left join lateral (
  select s.id, s.gateway_id, s.disconnected_at, s.pairing_code, s.pairing_expires_at from device_sessions s
  where s.device_id = devices.id and s.tenant_id = :tenantId
  order by s.id desc limit 1
) as latest on true
left join lateral (
  select g.beaten_at from gateways g
  where g.id = latest.gateway_id and latest.disconnected_at is null and not g.stopping
    and g.beaten_at > now() - interval '${GATEWAY_TIMEOUT_MS} milliseconds'
) as holder on true`;

const COLUMNS = `devices.id::text, devices.key, devices.display_name, devices.platform, devices.subject, devices.labels,
  ${millis("devices.paired_at")} as paired_at, ${millis("devices.created_at")} as created_at,
  ${millis("devices.last_seen_at")} as last_seen_at, latest.id::text as session_id,
  case when latest.pairing_code is not null then ${millis("latest.pairing_expires_at")} end as waits_until,
  ${millis("holder.beaten_at")} as heartbeat_at`;

/** A device without its tools. Times are in ms. */
export interface DeviceRow {
  readonly id: string;
  readonly key: string;
  readonly display_name: string | null;
  readonly platform: string | null;
  readonly subject: string | null;
  readonly labels: readonly string[];
  readonly paired_at: number | null;
  readonly created_at: number;
  readonly last_seen_at: number;
  /** Its newest session; null: it has had none. */
  readonly session_id: string | null;
  /** Until when that session waits to be paired; null: it waits for nothing. */
  readonly waits_until: number | null;
  /** Null: no gateway that is alive holds that session open. */
  readonly heartbeat_at: number | null;
}

/** Lists devices, newest first. */
export const listedDevices = listedBySubject({
  name: "list-devices",
  table: "devices",
  columns: COLUMNS,
  joins: LATEST,
});

/** Reads one device, with its tools. */
export const FIND_DEVICE = tenantStatement({
  name: "find-device",
  parameters: { deviceId: "uuid" },
  text: `
select ${COLUMNS}, devices.tools from devices ${LATEST}
where devices.id = :deviceId and devices.tenant_id = :tenantId`,
});

/** Reads the newest sessions of a device. */
export const LIST_DEVICE_SESSIONS = tenantStatement({
  name: "list-device-sessions",
  parameters: { deviceId: "uuid", take: "int" },
  text: `
select id::text, gateway_id, boot_id, ${millis("connected_at")} as connected_at,
  ${millis("disconnected_at")} as disconnected_at, reason
from device_sessions where device_id = :deviceId and tenant_id = :tenantId
order by id desc limit :take`,
});

/** A session of a device. Times are in ms. */
export interface DeviceSessionRow {
  readonly id: string;
  readonly gateway_id: string;
  readonly boot_id: string;
  readonly connected_at: number;
  readonly disconnected_at: number | null;
  readonly reason: string | null;
}
