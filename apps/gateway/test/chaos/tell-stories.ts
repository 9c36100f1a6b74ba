import { seededRandom } from "../support/seeded-random.ts";
import type { Stage } from "./stage.ts";
import { STORIES, type Story } from "./stories.ts";

/** The stories that are told beside a load, each kind again and again. */
export interface Telling {
  /** Begins no more stories, waits for those in progress, and returns how many were told and what was wrong in them. */
  finish(): Promise<{ readonly told: Readonly<Record<string, number>>; readonly faults: readonly string[] }>;
}

/** How long the last stories may take after all faults, in milliseconds. */
const LAST_STORY_MAX_MS = 120_000;

/** Tells stories of every kind side by side. */
export function tellStories(stage: Stage, seed: number): Telling {
  const told: Record<string, number> = {};
  const faults: string[] = [];
  const current = new Map<string, string>();
  const end = new AbortController();

  async function again(kind: string, story: Story): Promise<void> {
    for (let nth = 1; !end.signal.aborted; nth += 1) {
      const name = `story-${kind}-${nth}`;
      current.set(kind, name);
      try {
        faults.push(...(await story(stage, name, seededRandom(seed + nth))).map((fault) => `${name}: ${fault}`));
      } catch (error) {
        faults.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
      told[kind] = nth;
    }
    current.delete(kind);
  }

  const all = Promise.all(Object.entries(STORIES).map(([kind, story]) => again(kind, story)));
  return {
    async finish() {
      end.abort();
      const limit = Promise.withResolvers<void>();
      const timer = setTimeout(limit.resolve, LAST_STORY_MAX_MS);
      await Promise.race([all, limit.promise]);
      clearTimeout(timer);
      const stuck = [...current.values()].map((name) => `${name} has not ended`);
      return { told, faults: [...faults, ...stuck, ...(await filesLeft(stage))] };
    },
  };
}

/** Uploads that broke off are no files, and a sweep takes them when their time is over. No chunk is without a file. */
async function filesLeft(stage: Stage): Promise<readonly string[]> {
  await stage.query("update files set expires_at = now() where state <> 'stored'");
  const deadline = performance.now() + LAST_STORY_MAX_MS;
  for (;;) {
    const rows = await stage.query<{ id: string }>(
      "select id::text from files where state <> 'stored' union select file_id::text from file_chunks c where not exists (select from files f where f.id = c.file_id)",
    );
    if (rows?.length === 0) return [];
    if (performance.now() > deadline) return (rows ?? []).map(({ id }) => `the file ${id} was left behind`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
