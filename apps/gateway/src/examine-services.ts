import { examinePostgres } from "./adapters/postgres/examine-postgres.ts";
import { examineRedis } from "./adapters/redis/examine-redis.ts";
import { systemClock } from "./adapters/system/system-clock.ts";
import type { Finding } from "./ports/finding.ts";

/**
 * Examines the services that the settings name, as a gateway uses them. It loads no more of a gateway than that. Never
 * rejects.
 */
export const examineServices: Readonly<Record<"postgres" | "redis", (url: string) => Promise<Finding>>> = {
  postgres: (url) => examinePostgres(url, systemClock.now),
  redis: (url) => examineRedis(url, systemClock),
};
