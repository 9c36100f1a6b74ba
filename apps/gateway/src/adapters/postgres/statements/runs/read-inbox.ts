import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { INBOX_COLUMNS, INBOX_PAGE, type InboxRow, inboxOf, dispatchContextOf } from "../../inbox-rows.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

const READ_INBOX = fleetStatement({
  name: "read-inbox",
  parameters: { runId: "uuid", epoch: "int" },
  text: `
select ${INBOX_COLUMNS}
from runs r join agent_versions v on v.id = r.agent_version_id
${INBOX_PAGE}
where r.id = :runId and r.epoch = :epoch`,
});

export async function readInbox(
  sql: Sql,
  { runId, epoch }: Parameters<FleetStore["readInbox"]>[0],
): ReturnType<FleetStore["readInbox"]> {
  const [row] = await sql.query<InboxRow>(READ_INBOX({ runId, epoch }));
  return row === undefined ? null : { inbox: inboxOf(row), dispatchContext: dispatchContextOf(row) };
}
