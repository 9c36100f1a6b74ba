import type { AccessWorld } from "./access-world.ts";

/** What a request of the wrong person could have changed: the record of everything in the tenant of `mine`. */
export async function recordOf({ gateway, mine, others, device }: AccessWorld): Promise<unknown> {
  const read = async <T = object>(path: string): Promise<T> => (await gateway.call<T>("GET", path)).body;
  const records: unknown[] = [];
  const { data: secrets } = await read<{ data: { name: string }[] }>("/api/secrets?limit=200");
  const { data: keys } = await read<{ data: { id: string; revokedAt: unknown }[] }>("/api/keys?limit=200");
  for (const { run, thread, agent, device: id, secret, key } of [mine, others]) {
    records.push(
      await read(`/api/runs/${run}/events`),
      await read(`/api/runs/${run}/tool-calls`),
      await read(`/api/threads/${thread}/messages`),
      await read(`/api/agents/${agent}`),
      // A device is seen every few seconds.
      { ...(await read(`/api/devices/${id}`)), lastSeenAt: null },
      secrets.find(({ name }) => name === secret),
      keys.find((one) => one.id === key)?.revokedAt,
    );
  }
  return { records, closed: device.closedWith };
}
