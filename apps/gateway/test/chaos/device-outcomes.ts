import { DEVICE_ONCE_TOOLS } from "./agent.ts";
import type { Stage } from "./stage.ts";

/** What became of calls that a device must not execute twice (R4). */
interface DeviceOutcomes {
  readonly boots: number;
  readonly calls: number;
  /** Calls that ended as `outcome_unknown`. */
  readonly unknown: number;
}

interface Row extends DeviceOutcomes {
  readonly key: string;
  readonly failed_storage: number;
}

const OUTCOMES = `
  select d.key,
    (select count(distinct s.boot_id)::int from device_sessions s where s.device_id = d.id) as boots,
    count(c.id)::int as calls,
    count(c.id) filter (where c.error->>'code' = 'outcome_unknown')::int as unknown,
    count(c.id) filter (where c.error->>'code' = 'device_storage_failed')::int as failed_storage
  from devices d
  left join tool_calls c on c.recipient_key = d.key and c.dispatched_at is not null and c.tool_name = any($1)
  group by d.id, d.key`;

/**
 * Returns the outcomes of devices whose memory outlives a kill, and of those whose memory does not. A device of the
 * first kind that lost its memory is a fault, because it would prove nothing.
 */
export async function readDeviceOutcomes(stage: Stage): Promise<{
  readonly remembering: DeviceOutcomes;
  readonly forgetting: DeviceOutcomes;
  readonly faults: readonly string[];
}> {
  const rows = (await stage.query<Row>(OUTCOMES, [DEVICE_ONCE_TOOLS])) ?? [];
  const isRemembering = ({ key }: Row): boolean => stage.rememberingDevices.has(key);
  const sum = (some: readonly Row[]): DeviceOutcomes => ({
    boots: some.reduce((total, { boots }) => total + boots, 0),
    calls: some.reduce((total, { calls }) => total + calls, 0),
    unknown: some.reduce((total, { unknown }) => total + unknown, 0),
  });
  const faults = rows
    .filter(isRemembering)
    .filter(({ boots, failed_storage }) => boots > 1 || failed_storage > 0)
    .map(
      ({ key, boots, failed_storage }) =>
        `${key} has a memory on disk, had ${boots} boots and failed ${failed_storage} times to remember`,
    );
  return {
    remembering: sum(rows.filter(isRemembering)),
    forgetting: sum(rows.filter((row) => !isRemembering(row))),
    faults,
  };
}
