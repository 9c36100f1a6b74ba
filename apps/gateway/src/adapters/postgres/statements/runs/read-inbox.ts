import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { INBOX_COLUMNS, type InboxRow, inboxOf, dispatchContextOf } from "../../inbox-rows.ts";
import type { Sql } from "../../sql.ts";

const READ_INBOX = {
  name: "read-inbox",
  text: `
select ${INBOX_COLUMNS}
from runs r join agent_versions v on v.id = r.agent_version_id
where r.id = $1::uuid and r.epoch = $2::int`,
};

export async function readInbox(
  sql: Sql,
  { runId, epoch }: Parameters<FleetStore["readInbox"]>[0],
): ReturnType<FleetStore["readInbox"]> {
  const [row] = await sql.query<InboxRow>(READ_INBOX, [runId, epoch]);
  return row === undefined ? null : { inbox: inboxOf(row), dispatchContext: dispatchContextOf(row) };
}
